package dev.nibble.io.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.core.ModelFormatException;
import dev.nibble.core.model.EncoderConfig;
import dev.nibble.core.model.EncoderConfig.Pooling;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.progress.Progress;
import dev.nibble.core.testing.FamilyFixtures;
import dev.nibble.io.gguf.GgufExport;
import dev.nibble.io.gguf.GgufExportOptions;
import dev.nibble.io.json.JsonFields;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PoolingFileTest {
  @TempDir private Path directory;

  private Path model(String pooling) throws IOException {
    for (String name : new String[] {"config.json", "model.safetensors"}) {
      Path source = FamilyFixtures.of("llama").directory().resolve(name);
      Files.copy(source, directory.resolve(name));
    }
    Files.createDirectory(directory.resolve("1_Pooling"));
    Files.writeString(directory.resolve("1_Pooling/config.json"), pooling);
    return directory;
  }

  private static Pooling pooling(Path path) {
    try (OpenedModel opened = OpenedModel.open(path)) {
      return opened.weights().config().encoder().pooling();
    }
  }

  @ParameterizedTest
  @CsvSource({
    "mean_tokens, MEAN",
    "mean_sqrt_len_tokens, MEAN",
    "cls_token, FIRST",
    "lasttoken, LAST",
    "weightedmean_tokens, WEIGHTED_MEAN"
  })
  void decodersPoolAsTheirFileSays(String mode, Pooling expected) throws IOException {
    Path model =
        model(
            "{\"word_embedding_dimension\": 24, \"pooling_mode_max_tokens\": false,"
                + " \"include_prompt\": true, \"pooling_mode_"
                + mode
                + "\": true}");
    assertThat(pooling(model)).isEqualTo(expected);
    try (OpenedModel opened = OpenedModel.open(model)) {
      ModelConfig config = opened.weights().config();
      assertThat(config.encoder().present()).isFalse();
      JsonFields written = new JsonFields(directory, "", ConfigJson.write(config));
      assertThat(ConfigJson.read(written).encoder()).isEqualTo(config.encoder());
      if (expected != Pooling.WEIGHTED_MEAN) {
        Path file = directory.resolve("model.gguf");
        GgufExport.write(
            opened.weights(), Map.of(), GgufExportOptions.asStored(), file, Progress.SILENT);
        assertThat(pooling(file)).isEqualTo(expected);
      }
    }
  }

  @Test
  void withoutTheFileTheLastTokenCounts() {
    assertThat(pooling(FamilyFixtures.of("llama").directory())).isEqualTo(Pooling.LAST);
    assertThat(EncoderConfig.NONE.pooling()).isEqualTo(Pooling.LAST);
  }

  @Test
  void otherWaysAreRefused() throws IOException {
    Path model = model("{\"pooling_mode_max_tokens\": true}");
    assertThatThrownBy(() -> OpenedModel.open(model))
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContaining("1_Pooling")
        .hasMessageContaining("pooling_mode_lasttoken");
    Files.writeString(
        model.resolve("1_Pooling/config.json"),
        "{\"pooling_mode_cls_token\": true, \"pooling_mode_mean_tokens\": true}");
    assertThatThrownBy(() -> OpenedModel.open(model))
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContaining("exactly one");
  }
}
