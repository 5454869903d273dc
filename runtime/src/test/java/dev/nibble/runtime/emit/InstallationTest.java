package dev.nibble.runtime.emit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nibble.core.tensor.PackedFormat;
import dev.nibble.runtime.Activations;
import dev.nibble.runtime.diagnose.SampleTensors;
import dev.nibble.runtime.kernel.FloatKernels;
import dev.nibble.runtime.packed.InputTile;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

/** What surrounds emitted code: its pages, its check before first use, its switch. */
class InstallationTest {

  @Test
  @EnabledOnOs(OS.LINUX)
  void pagesOfCodeAreNotWritable() throws IOException {
    assumeTrue(Processor.current().avx512Vnni(), Processor.current().why());
    Assembler a = new Assembler();
    a.endbr64();
    a.ret();
    MemorySegment code = ExecutableMemory.install(a.bytes());
    assertThat(permissions(code.address())).isEqualTo("r-xp");
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  void pagesOfWeightsAreWritableAndEmpty() throws IOException {
    MemorySegment pages = Pages.mapUntilUnreachable(10_000);
    assertThat(pages.byteSize()).isEqualTo(10_000);
    assertThat(permissions(pages.address())).isEqualTo("rw-p");
    assertThat(pages.mismatch(MemorySegment.ofArray(new byte[10_000]))).isEqualTo(-1);
    pages.fill((byte) 1);
  }

  /** Those of the mapping that holds an address. */
  private static String permissions(long address) throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/self/maps"))) {
      String[] words = line.split(" ");
      String[] range = words[0].split("-");
      if (Long.compareUnsigned(address, Long.parseUnsignedLong(range[0], 16)) >= 0
          && Long.compareUnsigned(address, Long.parseUnsignedLong(range[1], 16)) < 0) {
        return words[1];
      }
    }
    return "not mapped";
  }

  @Test
  void codeThatComputesSomethingElseIsRefusedBeforeItIsUsed() {
    assumeTrue(Processor.current().avx512Vnni(), Processor.current().why());
    for (PackedFormat format :
        List.of(new PackedFormat(4, 32, false), new PackedFormat(6, 16, true))) {
      for (int tokens : new int[] {1, 4, InputTile.MOST}) {
        InputTile tile = new InputTile(tokens, format.parts());
        byte[] code = EmittedKernels.emit(format, tile);
        assertThat(EmittedKernels.checked(code, format, tile)).isNotNull();
        byte[] altered = withOneRoot(code);
        assertThatThrownBy(() -> EmittedKernels.checked(altered, format, tile))
            .isInstanceOf(IllegalStateException.class)
            .hasMessageContaining("wrong products")
            .hasMessageContaining("-Dnibble.emit=off");
      }
    }
  }

  /** Makes a square root of the first conversion to floats, an instruction of the same length. */
  private static byte[] withOneRoot(byte[] code) {
    byte[] altered = code.clone();
    for (int i = 0; i + 4 < code.length; i++) {
      boolean evex = code[i] == 0x62 && (code[i + 1] & 15) == 1 && code[i + 3] == 0x48;
      if (evex && (code[i + 2] & 3) == 0 && code[i + 4] == 0x5B) {
        altered[i + 4] = 0x51;
        return altered;
      }
    }
    throw new AssertionError("no conversion in the code");
  }

  @Test
  void codeIsEmittedOnlyWhereItRuns() {
    assertThat(Processor.detect("on", "Mac OS X", "x86_64").avx512Vnni()).isFalse();
    assertThat(Processor.detect("on", "Linux", "aarch64").why()).contains("Linux x86-64 only");
    assertThat(Processor.detect("off", "Linux", "amd64").why()).isEqualTo("-Dnibble.emit=off");
  }

  /** The switch is read once, so another process is asked. */
  @Test
  void offLeavesTheVectorApi() throws Exception {
    Process child =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Dnibble.emit=off",
                "-XX:TieredStopAtLevel=1",
                "--add-modules=jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                Chosen.class.getName())
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    String said = new String(child.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(child.waitFor()).isZero();
    assertThat(said).isEqualToIgnoringNewLines("kernel q4_0-blocks, floats vector");
  }

  /** Prints which kernels a process chooses. */
  static final class Chosen {
    private Chosen() {}

    /** Takes no arguments. */
    public static void main(String[] args) {
      String kernel = Activations.INT8.kernels().bind(SampleTensors.of("q4_0", 32, 256)).kernel();
      boolean vector = EmittedFloats.orVector() == FloatKernels.VECTOR;
      System.out.println("kernel " + kernel + ", floats " + (vector ? "vector" : "emitted"));
    }
  }
}
