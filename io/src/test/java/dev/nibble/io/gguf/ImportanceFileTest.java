package dev.nibble.io.gguf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.core.ModelFormatException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ImportanceFileTest {
  @TempDir Path directory;

  @Test
  void valuesAreMeans() throws IOException {
    assertThat(ImportanceFile.read(write(matrix(4f))))
        .containsOnlyKeys("blk.0.ffn_up.weight")
        .hasEntrySatisfying("blk.0.ffn_up.weight", v -> assertThat(v).containsExactly(2f, 0f, 2f));
  }

  @Test
  void damageIsReported() throws IOException {
    byte[] whole = matrix(4f);
    for (int length = 0; length < whole.length; length++) {
      Path file = write(Arrays.copyOf(whole, length));
      assertThatThrownBy(() -> ImportanceFile.read(file))
          .as("cut at " + length)
          .isInstanceOf(ModelFormatException.class);
    }
    Path file = write(matrix(Float.NaN));
    assertThatThrownBy(() -> ImportanceFile.read(file))
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContaining("blk.0.ffn_up.weight");
  }

  private Path write(byte[] content) throws IOException {
    return Files.write(directory.resolve("imatrix.dat"), content);
  }

  private static byte[] matrix(float value) {
    byte[] name = "blk.0.ffn_up.weight".getBytes(StandardCharsets.US_ASCII);
    return ByteBuffer.allocate(4 + 4 + name.length + 8 + 12)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putInt(1)
        .putInt(name.length)
        .put(name)
        .putInt(2)
        .putInt(3)
        .putFloat(value)
        .putFloat(0)
        .putFloat(value)
        .array();
  }
}
