package dev.nibble;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.core.NibbleException;
import dev.nibble.core.model.TensorNames;
import dev.nibble.io.model.OpenedModel;
import dev.nibble.testing.TinyLlama;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Formats that a recipe names besides the artefact. */
class RecipeExportTest {
  private static final String DOWN = TensorNames.weight(TensorNames.layer(0, TensorNames.DOWN));

  @TempDir private Path folder;
  private Path model;

  @BeforeEach
  void write() {
    model = TinyLlama.SMALL.write(folder.resolve("model"), 1);
  }

  private QuantizationRequest request(String spec, String formats) throws IOException {
    Path recipe =
        Files.writeString(
            folder.resolve("recipe.yaml"),
            "steps:\n  - rtn: { spec: \"" + spec + "\" }\nexport: [ nibble, " + formats + " ]\n");
    return Nibble.quantize(model).recipe(recipe.toString()).threads(1);
  }

  @Test
  void everyFormatHoldsTheSameValues() throws IOException {
    Path output = folder.resolve("out");
    request("int4:g32:sym", "gguf, compressed-tensors").to(output);
    try (OpenedModel artefact = OpenedModel.open(output);
        OpenedModel gguf = OpenedModel.open(output.resolve("model.gguf"));
        OpenedModel packed = OpenedModel.open(output.resolve("compressed-tensors"))) {
      float[] expected = artefact.weights().tensor(DOWN).toFloats();
      assertThat(packed.weights().tensor(DOWN).toFloats()).isEqualTo(expected);
      assertThat(gguf.weights().tensor(DOWN).toFloats()).isEqualTo(expected);
    }
  }

  @Test
  void aRefusedFormatLeavesTheArtefact() throws IOException {
    Path output = folder.resolve("out");
    assertThatThrownBy(() -> request("int3:g32", "awq").to(output))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("is finished, but not in every format")
        .hasMessageContaining("awq");
    assertThat(Nibble.explain(output).provenance().solved()).isNotEmpty();
  }

  @Test
  void anUnknownFormatIsRefusedBeforeAnyWork() throws IOException {
    Path output = folder.resolve("out");
    assertThatThrownBy(() -> request("int4:g32", "onnxx").to(output))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("onnxx")
        .hasMessageContaining("gguf");
    assertThat(output).doesNotExist();
  }
}
