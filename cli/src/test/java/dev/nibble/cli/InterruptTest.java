package dev.nibble.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.core.testing.SharedData;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * A request to end in the middle of the work. SIGTERM takes the same way as Ctrl-C, whose SIGINT is
 * ignored in processes that a shell started in the background.
 */
@DisabledOnOs(OS.WINDOWS)
class InterruptTest {
  @TempDir private Path dir;

  @Test
  void anInterruptionSaysHowToGoOnAndLeavesTheWork() throws IOException, InterruptedException {
    Path errors = dir.resolve("err.txt");
    Process child =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules=jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                "-Dnibble.home=" + SharedData.repositoryRoot().toAbsolutePath(),
                "-cp",
                System.getProperty("java.class.path"),
                Main.class.getName(),
                "quantize",
                "tiny",
                "-r",
                "gptq-w4-g64",
                "-o",
                "out",
                "--no-evaluate")
            .directory(dir.toFile())
            .redirectError(errors.toFile())
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    Path first = dir.resolve("out.nibble-work/units/00001.safetensors");
    while (child.isAlive() && !Files.exists(first)) {
      Thread.sleep(20);
    }
    assertThat(new ProcessBuilder("kill", "-TERM", Long.toString(child.pid())).start().waitFor())
        .isZero();
    assertThat(child.waitFor(60, TimeUnit.SECONDS)).isTrue();
    String said = Files.readString(errors, StandardCharsets.UTF_8);
    assertThat(child.exitValue()).as(said).isEqualTo(130);
    assertThat(said).contains("The same command continues where it stopped").doesNotContain("SIG");
    assertThat(first).exists();
    assertThat(dir.resolve("out")).doesNotExist();
  }
}
