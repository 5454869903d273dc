package dev.nibble.io.safetensors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.core.ModelFormatException;
import dev.nibble.core.progress.Progress;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.io.safetensors.SafetensorsWriter.Entry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ShardedSafetensorsTest {
  @TempDir Path directory;

  @BeforeEach
  void twoShards() {
    shard("s1.safetensors", "a", 1);
    shard("s2.safetensors", "b", 2);
  }

  private void shard(String file, String tensor, float value) {
    Entry entry = Entry.of(tensor, DenseTensor.of(new float[] {value}, 1));
    SafetensorsWriter.write(directory.resolve(file), Map.of(), List.of(entry), Progress.SILENT);
  }

  private void index(String json) throws IOException {
    Files.writeString(directory.resolve(ShardedSafetensors.INDEX), json);
  }

  @Test
  void tensorsComeFromTheirShards() throws IOException {
    index("{\"weight_map\":{\"b\":\"s2.safetensors\",\"a\":\"s1.safetensors\"}}");
    try (ShardedSafetensors set = ShardedSafetensors.open(directory)) {
      assertThat(set.names()).containsExactly("b", "a");
      assertThat(set.tensor("a").toFloats()).containsExactly(1);
      assertThat(set.tensor("b").toFloats()).containsExactly(2);
      assertThat(set.fileOf("b")).isEqualTo(directory.resolve("s2.safetensors"));
      assertThat(set.files()).hasSize(3).startsWith(directory.resolve(ShardedSafetensors.INDEX));
    }
  }

  @Test
  void oneFileNeedsNoIndex() {
    shard(ShardedSafetensors.SINGLE, "c", 3);
    try (ShardedSafetensors set = ShardedSafetensors.open(directory)) {
      assertThat(set.names()).containsExactly("c");
      assertThat(set.files()).containsExactly(directory.resolve(ShardedSafetensors.SINGLE));
    }
  }

  @Test
  void contradictionsAreRefused() throws IOException {
    index("{\"weight_map\":{\"a\":\"s3.safetensors\"}}");
    refused("the shard is missing");
    index("{\"weight_map\":{\"a\":\"s1.safetensors\",\"b\":\"s1.safetensors\"}}");
    refused("weight_map.b");
    index("{\"weight_map\":{\"a\":\"s1.safetensors\",\"x\":\"s2.safetensors\"}}");
    refused("that file does not have it");
    shard("s1.safetensors", "b", 7);
    index("{\"weight_map\":{\"b\":\"s1.safetensors\"}}");
    ShardedSafetensors.open(directory).close();
    index("{\"weight_map\":[]}");
    refused("weight_map");
    index("{}");
    refused("weight_map");
    index("[]");
    refused("must be an object");
    index("{\"weight_map\":{\"a\":5}}");
    refused("weight_map.a");
  }

  @Test
  void aShardHoldsNothingThatTheIndexDoesNotPutThere() throws IOException {
    Entry a = Entry.of("a", DenseTensor.of(new float[] {1}, 1));
    Entry extra = Entry.of("extra", DenseTensor.of(new float[] {1}, 1));
    SafetensorsWriter.write(
        directory.resolve("s1.safetensors"), Map.of(), List.of(a, extra), Progress.SILENT);
    index("{\"weight_map\":{\"a\":\"s1.safetensors\",\"b\":\"s2.safetensors\"}}");
    refused("extra");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"../s1.safetensors", "/etc/passwd", "a/b", "..", ".", "", "a\\\\b", "s\\u0000"})
  void pathsOutOfTheDirectoryAreRefused(String shard) throws IOException {
    index("{\"weight_map\":{\"a\":\"" + shard + "\"}}");
    refused("is not a plain file name");
  }

  private void refused(String message) {
    assertThatThrownBy(() -> ShardedSafetensors.open(directory))
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContaining(message);
  }
}
