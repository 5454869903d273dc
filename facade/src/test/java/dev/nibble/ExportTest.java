package dev.nibble;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.core.NibbleException;
import dev.nibble.core.model.LanguageModel;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.core.tensor.TiledTensor;
import dev.nibble.io.model.OpenedModel;
import dev.nibble.runtime.RuntimeOptions;
import dev.nibble.runtime.TextModel;
import dev.nibble.testing.TinyLlama;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** From a recipe to other tools' formats and back: the same network runs. */
class ExportTest {
  private static final int[] TOKENS = {1, 72, 101, 108, 108, 111, 32, 116, 104, 101, 114, 101};

  @TempDir Path folder;

  private Path quantized(String step) throws IOException {
    Path model = TinyLlama.SMALL.write(folder.resolve("model"), 1);
    Path text = TinyLlama.text(folder.resolve("text.txt"));
    Path recipe =
        Files.writeString(
            folder.resolve("recipe.yaml"),
            "calibration: { data: \""
                + text
                + "\", samples: 4, length: 32 }\nsteps:\n  - "
                + step
                + "\n");
    Path artefact = folder.resolve("artefact");
    Nibble.quantize(model).recipe(recipe.toString()).threads(1).to(artefact);
    return artefact;
  }

  private static float[] logits(Path path) {
    try (TextModel model = TextModel.load(path, RuntimeOptions.DEFAULT.withThreads(1));
        LanguageModel language = model.asLanguageModel()) {
      int vocabulary = language.vocabSize();
      float[] out = new float[TOKENS.length * vocabulary];
      language.logits(
          TOKENS,
          0,
          (position, row, offset) ->
              System.arraycopy(row, offset, out, position * vocabulary, vocabulary));
      return out;
    }
  }

  @ParameterizedTest
  @CsvSource({
    "gptq, 'gptq: { spec: \"int4:g32:asym\", act_order: true, static_groups: false }'",
    "gptq, 'gptq: { spec: \"int3:g32:sym\" }'",
    "awq, 'rtn: { spec: \"int4:g32:asym\" }'",
    "compressed-tensors, 'rtn: { spec: \"int8:channel:sym\" }'"
  })
  void anExportedModelRunsAsItsArtefact(String format, String step) throws IOException {
    Path artefact = quantized(step);
    Path out = folder.resolve("exported");
    Nibble.export(artefact).format(format).to(out);
    assertThat(logits(out)).isEqualTo(logits(artefact));
    try (OpenedModel model = OpenedModel.open(out)) {
      assertThat(model.kind()).isEqualTo(OpenedModel.Kind.HUGGING_FACE);
      assertThat(model.tokenizer().encode("Hi", false)).containsExactly(72, 105);
    }
    assertThat(leftovers()).isEmpty();
  }

  @Test
  void ggufHoldsGroupsOf32AsTheyAre() throws IOException {
    Path artefact = quantized("rtn: { spec: \"int4:g32:sym\" }");
    Path out = folder.resolve("exported.gguf");
    Nibble.export(artefact).threads(1).to(out);
    float[] expected = logits(artefact);
    float[] found = logits(out);
    for (int i = 0; i < expected.length; i++) {
      // GGUF keeps values, but q and k in another order of rows, so sums may differ in a last bit.
      assertThat(found[i]).isCloseTo(expected[i], within(1e-4f));
    }
  }

  /** The two down projections have no whole groups of 64 columns, so they stay as they are. */
  @ParameterizedTest
  @CsvSource({"int4:g32:sym, 14", "int8:channel:sym, 14", "int3:g64:sym, 12"})
  void aPackedModelRunsBitForBitAsItsArtefact(String spec, int packed) throws IOException {
    Path artefact = quantized("rtn: { spec: \"" + spec + "\" }");
    Path out = folder.resolve("packed");
    assertThat(Nibble.export(artefact).format("packed").to(out)).isEmpty();
    assertThat(ofSession(out)).isEqualTo(ofSession(artefact));
    try (OpenedModel model = OpenedModel.open(out);
        OpenedModel source = OpenedModel.open(artefact)) {
      assertThat(model.kind()).isEqualTo(OpenedModel.Kind.NIBBLE);
      assertThat(model.tokenizer().encode("Hi", false)).containsExactly(72, 105);
      int tiled = 0;
      for (String name : source.weights().names()) {
        PackedTensor tensor = model.weights().tensor(name);
        tiled += tensor instanceof TiledTensor ? 1 : 0;
        assertThat(tensor.toFloats()).isEqualTo(source.weights().tensor(name).toFloats());
      }
      assertThat(tiled).isEqualTo(packed);
    }
    Path twice = folder.resolve("twice");
    Nibble.export(out).format("packed").to(twice);
    assertThat(twice.resolve("model.safetensors"))
        .hasSameBinaryContentAs(out.resolve("model.safetensors"));
    refused(out, "gptq", folder.resolve("no"), "which GPTQ cannot hold");
    refused(out, "gguf", folder.resolve("no.gguf"), "which no GGUF type holds exactly");
    assertThat(leftovers()).isEmpty();
  }

  private static float[] ofSession(Path path) {
    try (TextModel model = TextModel.load(path, RuntimeOptions.DEFAULT.withThreads(1))) {
      return model.newSession().prefill(TOKENS).clone();
    }
  }

  @Test
  void packedNeedsQuantizedWeightsAndSaysWhatItRounds() throws IOException {
    Path artefact = quantized("rtn: { spec: \"int4:g32:asym\" }");
    assertThat(Nibble.export(artefact).format("packed").to(folder.resolve("out")))
        .singleElement()
        .asString()
        .startsWith("14 of 14 packed tensors have values that were rounded");
    Path model = folder.resolve("model");
    refused(model, "packed", folder.resolve("no"), "has no quantized weight");
    assertThat(folder.resolve("no")).doesNotExist();
  }

  @Test
  void plainValuesComeBackAsTheModelsOwnType() throws IOException {
    Path artefact = quantized("rtn: { spec: \"int4:g32:asym\" }");
    Path wide = folder.resolve("wide");
    assertThat(Nibble.export(artefact).format("safetensors").type("float32").to(wide)).isEmpty();
    Path own = folder.resolve("own");
    List<String> notes = Nibble.export(artefact).format("safetensors").to(own);
    assertThat(notes).containsExactly("19 tensors were converted to bf16");
    try (OpenedModel model = OpenedModel.open(own)) {
      assertThat(model.weights().config().dtype()).isEqualTo("bfloat16");
    }
  }

  @Test
  void whatCannotBeExportedLeavesNothingBehind() throws IOException {
    Path artefact = quantized("rtn: { spec: \"int6:g32:asym\" }");
    Path out = folder.resolve("exported");
    refused(artefact, "awq", out, "does not fit AWQ");
    refused(
        artefact, "zip", out, "choose gguf, gptq, awq, compressed-tensors, safetensors, packed");
    refused(artefact, "gguf", out, "no .gguf file");
    refused(artefact, "gptq", folder.resolve("model"), "not an empty folder");
    refused(artefact, "gguf", folder.resolve("x.gguf"), "int6:g32:asym");
    assertThat(out).doesNotExist();
    assertThat(folder.resolve("x.gguf")).doesNotExist();
    assertThat(leftovers()).isEmpty();
  }

  private static void refused(Path artefact, String format, Path out, String message) {
    assertThatThrownBy(() -> Nibble.export(artefact).format(format).to(out))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining(message);
  }

  private List<Path> leftovers() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.filter(f -> f.getFileName().toString().contains("partial")).toList();
    }
  }
}
