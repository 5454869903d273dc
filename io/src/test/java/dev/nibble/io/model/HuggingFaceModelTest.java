package dev.nibble.io.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.core.ModelFormatException;
import dev.nibble.core.model.ModelWeights;
import dev.nibble.core.model.TensorLayout;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.core.testing.FamilyFixtures;
import dev.nibble.core.testing.SharedData;
import dev.nibble.io.safetensors.SafetensorsFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HuggingFaceModelTest {
  @TempDir Path directory;

  private static Path fixture(String name) {
    return FamilyFixtures.of(name).directory();
  }

  @Test
  void shardsGiveTheSameModelAsOneFile() {
    Path sharded = ModelCopy.of(fixture("falcon-new")).shards(3).to(directory);
    sameTensors(fixture("falcon-new"), sharded);
    try (OpenedModel model = OpenedModel.open(sharded)) {
      assertThat(model.files())
          .extracting(p -> p.getFileName().toString())
          .contains("model.safetensors.index.json", "model-00003-of-00003.safetensors")
          .contains("config.json");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"gpt2", "bloom", "gpt_neox", "opt", "qwen3"})
  void checkpointsOfTheBareBaseModelOpenToo(String name) {
    String prefix =
        switch (name) {
          case "gpt_neox" -> "gpt_neox.";
          case "opt", "qwen3" -> "model.";
          default -> "transformer.";
        };
    UnaryOperator<String> strip = n -> n.startsWith(prefix) ? n.substring(prefix.length()) : n;
    sameTensors(fixture(name), ModelCopy.of(fixture(name)).names(strip).to(directory));
  }

  @Test
  void aTiedEmbeddingMayBeStoredAsTheHead() {
    Path source = fixture("llama-bias-tied");
    Path copy =
        ModelCopy.of(source)
            .names(n -> n.equals("model.embed_tokens.weight") ? "lm_head.weight" : n)
            .to(directory);
    sameTensors(source, copy);
  }

  private static void sameTensors(Path one, Path two) {
    try (OpenedModel expected = OpenedModel.open(one);
        OpenedModel actual = OpenedModel.open(two)) {
      ModelWeights weights = expected.weights();
      assertThat(actual.weights().config()).usingRecursiveComparison().isEqualTo(weights.config());
      assertThat(actual.weights().names()).isEqualTo(weights.names());
      for (String name : weights.names()) {
        assertThat(actual.weights().tensor(name).toFloats())
            .as(name)
            .isEqualTo(weights.tensor(name).toFloats());
      }
    }
  }

  @Test
  void namesAndShapesAreThoseOfTheLayout() {
    for (FamilyFixtures.Fixture fixture : FamilyFixtures.all()) {
      try (OpenedModel model = OpenedModel.open(fixture.directory())) {
        ModelWeights weights = model.weights();
        TensorLayout.all(weights.config())
            .forEach((name, shape) -> assertThat(weights.tensor(name).shape()).isEqualTo(shape));
      }
    }
  }

  @Test
  void transposedAndInterleavedRowsLandWhereTheyBelong() {
    try (OpenedModel model = OpenedModel.open(fixture("gpt2"));
        SafetensorsFile file = SafetensorsFile.open(fixture("gpt2").resolve("model.safetensors"))) {
      float[] stored = file.tensor("transformer.h.1.attn.c_attn.weight").toFloats();
      float[] k = model.weights().tensor("model.layers.1.self_attn.k_proj.weight").toFloats();
      // Stored [in 32, 3 x 32]; canonical [out 32, in 32].
      for (int out = 0; out < 32; out++) {
        for (int in = 0; in < 32; in++) {
          assertThat(k[out * 32 + in]).isEqualTo(stored[in * 96 + 32 + out]);
        }
      }
    }
    try (OpenedModel model = OpenedModel.open(fixture("falcon-new"));
        SafetensorsFile file =
            SafetensorsFile.open(fixture("falcon-new").resolve("model.safetensors"))) {
      String name = "transformer.h.0.self_attention.query_key_value.weight";
      float[] stored = file.tensor(name).toFloats();
      float[] v = model.weights().tensor("model.layers.0.self_attn.v_proj.weight").toFloats();
      // Two groups of two query heads, a key head and a value head, each 8 rows of 32.
      assertThat(v[0]).isEqualTo(stored[24 * 32]);
      assertThat(v[8 * 32]).isEqualTo(stored[(32 + 24) * 32]);
    }
  }

  @Test
  void contiguousTensorsAreViewsOfTheFile() {
    for (String name : new String[] {"llama", "opt", "falcon-7b"}) {
      try (OpenedModel model = OpenedModel.open(fixture(name))) {
        for (String tensor : model.weights().names()) {
          DenseTensor dense = (DenseTensor) model.weights().tensor(tensor);
          assertThat(dense.data().isMapped()).as(name + " " + tensor).isTrue();
        }
      }
    }
  }

  @Test
  void missingAndMisshapenTensorsAreNamed() {
    String norm = "model.layers.1.input_layernorm.weight";
    ModelCopy.of(fixture("llama")).names(n -> n.equals(norm) ? null : n).to(directory);
    refused(norm, "is missing");
    ModelCopy.of(fixture("llama")).config(c -> c.put("intermediate_size", 47)).to(directory);
    refused("gate_proj.weight", "[48, 32] was found where config.json says [47, 32]");
    ModelCopy.of(fixture("llama"))
        .config(c -> c.put("tie_word_embeddings", false))
        .names(n -> n.equals("lm_head.weight") ? null : n)
        .to(directory);
    refused("lm_head.weight", "is missing");
  }

  @Test
  void directoriesThatAreNoModelsSayWhatIsMissing() throws IOException {
    refused("is no model");
    Files.writeString(directory.resolve("m.gguf"), "");
    refused("it holds m.gguf, give that file itself");
    Files.writeString(directory.resolve("config.json"), "{\"model_type\":\"llama\"}");
    refused("the weights are missing");
    Files.writeString(directory.resolve("x.bin"), "");
    assertThatThrownBy(() -> OpenedModel.open(directory.resolve("x.bin")))
        .hasMessageContaining("no .gguf");
    assertThatThrownBy(() -> OpenedModel.open(directory.resolve("nothing")))
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContaining("no such file");
  }

  @Test
  void aLayoutFoundAsAServiceSuppliesItsModules() {
    Path source = fixture("gpt2");
    String stored = "transformer.h.0.attn.c_attn";
    ModelCopy.of(source)
        .config(c -> c.putObject("quantization_config").put("quant_method", ZerosLayout.NAME))
        .names(n -> n.equals(stored + ".weight") ? stored + ".zeros" : n)
        .to(directory);
    try (OpenedModel model = OpenedModel.open(directory)) {
      assertThat(model.weights().tensor("model.layers.0.self_attn.v_proj.weight").toFloats())
          .hasSize(32 * 32)
          .containsOnly(0f);
      assertThat(model.weights().tensor("model.layers.1.self_attn.v_proj.weight").toFloats())
          .doesNotContain(0f);
    }
    ModelCopy.of(source)
        .config(c -> c.putObject("quantization_config").put("quant_method", "magic"))
        .to(directory);
    refused("'magic' is not supported", ZerosLayout.NAME);
  }

  @Test
  void theRealModelsOpen() {
    try (OpenedModel model = OpenedModel.open(SharedData.path("models/tinystories-656k"))) {
      assertThat(model.weights().config().tiedHead()).isTrue();
      assertThat(model.weights().tensor("model.embed_tokens.weight").shape())
          .containsExactly(2048, 128);
      assertThat(model.files()).hasSize(6);
      assertThat(model.tokenizer().vocabSize()).isEqualTo(2048);
    }
    try (OpenedModel model = OpenedModel.open(SharedData.path("models/stories260k"))) {
      assertThat(model.weights().config().normEps()).isEqualTo(1e-5);
    }
  }

  private void refused(String... messages) {
    assertThatThrownBy(() -> OpenedModel.open(directory))
        .isInstanceOf(ModelFormatException.class)
        .satisfies(e -> assertThat(e.getMessage()).contains(messages));
  }
}
