package dev.nibble.io.gguf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import dev.nibble.core.ModelFormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Damaged files give one clear exception or a readable model, nothing else. */
class GgufHostileTest {
  @TempDir Path directory;

  @Test
  void everyTruncationIsRefused() throws IOException {
    byte[] whole = Files.readAllBytes(TinyGguf.write(directory.resolve("whole.gguf")));
    for (int length = 0; length < whole.length - 32; length += 7) {
      assertThat(opens(Arrays.copyOf(whole, length), "cut at " + length)).isFalse();
    }
  }

  @Test
  void flippedBitsNeverEscape() throws IOException {
    byte[] whole = Files.readAllBytes(TinyGguf.write(directory.resolve("whole.gguf")));
    Random random = new Random(11);
    int header = whole.length / 2;
    for (int trial = 0; trial < 600; trial++) {
      byte[] damaged = whole.clone();
      for (int flips = 1 + random.nextInt(3); flips > 0; flips--) {
        damaged[random.nextInt(header)] ^= (byte) (1 << random.nextInt(8));
      }
      opens(damaged, "trial " + trial);
    }
  }

  @Test
  void extremeNumbersNeverEscape() throws IOException {
    byte[] whole = Files.readAllBytes(TinyGguf.write(directory.resolve("whole.gguf")));
    for (int at = 4; at < whole.length / 2; at++) {
      for (int fill : new int[] {0, 0x7f, 0xff}) {
        byte[] damaged = whole.clone();
        Arrays.fill(damaged, at, at + 4, (byte) fill);
        opens(damaged, "bytes " + at + " to " + (at + 4) + " set to " + fill);
      }
    }
  }

  private boolean opens(byte[] content, String what) throws IOException {
    Path file = directory.resolve("damaged.gguf");
    Files.write(file, content);
    try (GgufModel model = GgufModel.open(file)) {
      for (String name : model.names()) {
        assertThat(model.tensor(name).toFloats()).isNotEmpty();
      }
      return true;
    } catch (ModelFormatException e) {
      assertThat(e).hasMessageContaining("damaged.gguf");
      return false;
    } catch (RuntimeException | OutOfMemoryError e) {
      return fail(what + " let an unexpected exception escape", e);
    }
  }
}
