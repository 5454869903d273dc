package dev.nibble.pipeline.journal;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * The class of processor that floating-point results depend on: libtorch and OpenBLAS choose their
 * kernels by vendor and instruction set, and other kernels add in another order.
 */
public final class Processor {
  private static final Path CPUINFO = Path.of("/proc/cpuinfo");
  private static final List<String> VECTOR_SETS =
      List.of("avx", "avx2", "fma", "avx512f", "avx512vl", "avx512_vnni", "avx512_bf16", "asimd");

  private Processor() {}

  /** As {@code amd64 GenuineIntel avx avx2 fma}; the architecture alone where no more is known. */
  public static String describe() {
    String architecture = System.getProperty("os.arch");
    try {
      if (Files.isReadable(CPUINFO)) {
        String info = Files.readString(CPUINFO, StandardCharsets.ISO_8859_1);
        Set<String> flags = new TreeSet<>(Arrays.asList(field(info, "flags").split(" ")));
        flags.addAll(Arrays.asList(field(info, "Features").split(" ")));
        String sets = VECTOR_SETS.stream().filter(flags::contains).collect(Collectors.joining(" "));
        return String.join(" ", architecture, field(info, "vendor_id"), sets)
            .replaceAll(" +", " ")
            .strip();
      }
    } catch (IOException e) {
      // the architecture has to do
    }
    return architecture;
  }

  private static String field(String info, String name) {
    for (String line : info.split("\n")) {
      int colon = line.indexOf(':');
      if (colon > 0 && line.substring(0, colon).strip().equals(name)) {
        return line.substring(colon + 1).strip();
      }
    }
    return "";
  }
}
