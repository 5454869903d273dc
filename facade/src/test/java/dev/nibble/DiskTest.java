package dev.nibble;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.nibble.core.NibbleException;
import dev.nibble.testing.Artefacts;
import dev.nibble.testing.TinyLlama;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Real full and read-only disks, where the system lets us mount a small one. */
class DiskTest {
  @TempDir private Path folder;
  private Path disk;
  private Path model;
  private Path recipe;
  private Map<String, String> expected;

  @BeforeEach
  void mountSmallDisk() throws IOException {
    disk = Files.createDirectory(folder.resolve("disk"));
    Assumptions.assumeTrue(
        command("mount", "-t", "tmpfs", "-o", "size=64m", "nibble-test", disk.toString()),
        "skipped: a small disk can only be mounted by root");
    model = TinyLlama.SMALL.write(folder.resolve("model"), 1);
    Path text = TinyLlama.text(folder.resolve("text.txt"));
    recipe =
        Files.writeString(
            folder.resolve("recipe.yaml"),
            "calibration: { data: \""
                + text
                + "\", samples: 4, length: 32 }\nsteps:\n  - gptq: { spec: int4:g32 }\n");
    Path whole = folder.resolve("whole");
    request().to(whole);
    expected = Artefacts.hashes(whole);
  }

  @AfterEach
  void unmount() throws IOException {
    command("umount", "-l", disk.toString());
  }

  private QuantizationRequest request() {
    return Nibble.quantize(model).recipe(recipe.toString()).threads(1);
  }

  private static boolean command(String... words) throws IOException {
    Process process = new ProcessBuilder(List.of(words)).redirectErrorStream(true).start();
    process.getInputStream().readAllBytes();
    try {
      return process.waitFor(10, TimeUnit.SECONDS) && process.exitValue() == 0;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  private void remount(String options) throws IOException {
    assertThat(command("mount", "-o", "remount," + options, disk.toString())).isTrue();
  }

  /** Leaves about {@code bytes} free, whatever the disk thinks of rounding. */
  private void fillBut(long bytes) throws IOException {
    long free = Files.getFileStore(disk).getUsableSpace();
    Files.write(disk.resolve("ballast"), new byte[Math.toIntExact(free - bytes)]);
  }

  @Test
  void aFullDiskLosesNothing() throws IOException {
    Path output = disk.resolve("out");
    for (long free : new long[] {0, 16 << 10, 64 << 10, 160 << 10, 320 << 10}) {
      fillBut(free);
      Throwable trouble = catchThrowable(() -> request().to(output));
      if (trouble != null) {
        assertThat(trouble).isInstanceOf(NibbleException.class);
        assertThat(((NibbleException) trouble).exitCode()).isEqualTo(NibbleException.RESOURCES);
        assertThat(trouble.getMessage()).contains(disk.toString()).doesNotContain("\n");
        assertThat(output).doesNotExist();
      }
      Files.delete(disk.resolve("ballast"));
    }
    request().to(output);
    assertThat(Artefacts.hashes(output)).isEqualTo(expected);
  }

  @Test
  void aReadOnlyDiskIsToldBeforeAnyWork() throws IOException {
    Path output = disk.resolve("out");
    remount("ro");
    Throwable trouble = catchThrowable(() -> request().to(output));
    assertThat(trouble).isInstanceOf(NibbleException.class);
    assertThat(((NibbleException) trouble).exitCode()).isEqualTo(NibbleException.RESOURCES);
    assertThat(trouble.getMessage()).contains(disk.toString()).doesNotContain("\n");
    remount("rw");
    request().to(output);
    assertThat(Artefacts.hashes(output)).isEqualTo(expected);
  }
}
