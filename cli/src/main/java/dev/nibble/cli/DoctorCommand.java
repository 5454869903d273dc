package dev.nibble.cli;

import dev.nibble.core.NibbleException;
import dev.nibble.runtime.diagnose.KernelCheck;
import dev.nibble.runtime.diagnose.MemoryBandwidth;
import dev.nibble.runtime.emit.Processor;
import dev.nibble.runtime.kernel.Lanes;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code nibble doctor}: whether this machine runs Nibble well, and how fast. */
@Command(
    name = "doctor",
    mixinStandardHelpOptions = true,
    description = "Checks JVM, CPU, kernels and memory of this machine.",
    footer = {
      "",
      "Speeds are of a 512 x 2048 matrix that fits the caches, times a vector; the memory's own",
      "bandwidth bounds what a model larger than the caches can reach.",
    })
final class DoctorCommand implements Callable<Integer> {
  private static final Set<String> WORTH_NAMING =
      Set.of(
          "avx2",
          "fma",
          "f16c",
          "avx_vnni",
          "avx512f",
          "avx512bw",
          "avx512vl",
          "avx512_vnni",
          "avx512_bf16",
          "amx_int8",
          "amx_bf16",
          "asimd",
          "sve");

  @Spec private CommandSpec spec;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "Threads to measure with (default: all processors).")
  private int threads = Runtime.getRuntime().availableProcessors();

  @Override
  public Integer call() {
    if (threads < 1 || threads > 1024) {
      throw new NibbleException("--threads must be 1 to 1024, not " + threads);
    }
    PrintWriter out = spec.commandLine().getOut();
    Runtime runtime = Runtime.getRuntime();
    out.println("Java      " + System.getProperty("java.vm.name") + " " + Runtime.version());
    out.println("System    " + System.getProperty("os.name") + " " + System.getProperty("os.arch"));
    out.println("CPU       " + runtime.availableProcessors() + " processors " + features());
    out.println("Vectors   " + 32 * Lanes.WIDTH + " bits");
    String why = Processor.current().why();
    out.println("Emitted   " + (why.isEmpty() ? "machine code for AVX-512 VNNI" : "none: " + why));
    out.println("Heap      at most " + (runtime.maxMemory() >> 20) + " MiB");
    double bandwidth = MemoryBandwidth.measure(threads);
    out.println(
        String.format(
            Locale.ROOT, "Memory    %.1f GB/s with %d threads", bandwidth / 1e9, threads));
    out.println();
    out.println(
        String.format(
            Locale.ROOT, "%-20s %-16s %9s  %s", "stored type", "kernel", "GB/s", "check"));
    List<KernelCheck.Result> results = KernelCheck.run(threads);
    for (KernelCheck.Result r : results) {
      out.println(
          String.format(
              Locale.ROOT,
              "%-20s %-16s %9.2f  %s%s",
              r.type(),
              r.kernel(),
              r.bytesPerSecond() / 1e9,
              r.agrees() ? "ok" : "WRONG by " + r.relativeError(),
              r.vectorized() ? "" : ", rows decoded one by one"));
    }
    out.flush();
    boolean sound = results.stream().allMatch(KernelCheck.Result::agrees);
    if (!sound) {
      out.println("A kernel disagrees with the reference on this machine; please report it.");
    }
    return sound ? 0 : ErrorReporter.INTERNAL;
  }

  /** Instruction sets that matter here, where the system tells. */
  private static Set<String> features() {
    Set<String> found = new TreeSet<>();
    Path info = Path.of("/proc/cpuinfo");
    if (Files.isReadable(info)) {
      try {
        for (String line : Files.readAllLines(info)) {
          if (line.startsWith("flags") || line.startsWith("Features")) {
            found.addAll(List.of(line.substring(line.indexOf(':') + 1).strip().split("\\s+")));
            break;
          }
        }
      } catch (IOException e) {
        found.clear();
      }
    }
    found.retainAll(WORTH_NAMING);
    return found;
  }
}
