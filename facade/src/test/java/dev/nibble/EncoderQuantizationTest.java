package dev.nibble;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.compress.recipe.Recipe;
import dev.nibble.core.NibbleException;
import dev.nibble.core.testing.EncoderFixtures;
import dev.nibble.eval.perplexity.Protocol;
import dev.nibble.io.model.OpenedModel;
import dev.nibble.models.DecoderModel;
import dev.nibble.models.TorchEncoder;
import dev.nibble.pipeline.evaluate.EvaluationOptions;
import dev.nibble.pipeline.provenance.Fidelity;
import dev.nibble.runtime.RuntimeOptions;
import dev.nibble.runtime.TextEncoder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Encoders through the whole pipeline. */
class EncoderQuantizationTest {
  @TempDir private Path folder;
  private Path text;

  @BeforeEach
  void prepare() throws IOException {
    SplittableRandom random = new SplittableRandom(1);
    StringBuilder out = new StringBuilder();
    for (int s = 0; s < 60; s++) {
      for (int w = 0; w < 4 + random.nextInt(3); w++) {
        out.append("abcdefghijklmnopqrstuvwxyz".charAt(random.nextInt(26)));
        out.append("abcdefghijklmnopqrstuvwxyz".charAt(random.nextInt(26)));
        out.append("xyz ");
      }
      out.append(".\n");
    }
    text = Files.writeString(folder.resolve("text.txt"), out);
  }

  /** A fixture with a WordPiece tokenizer of letters. */
  private Path model(String name) throws IOException {
    Path target = Files.createDirectories(folder.resolve(name));
    for (String file : List.of("config.json", "model.safetensors")) {
      Files.copy(EncoderFixtures.of(name).directory().resolve(file), target.resolve(file));
    }
    List<String> words = new ArrayList<>(List.of("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"));
    for (char c = 'a'; c <= 'z'; c++) {
      words.add(Character.toString(c));
      words.add("##" + c);
    }
    Files.write(target.resolve("vocab.txt"), words);
    Files.writeString(
        target.resolve("tokenizer_config.json"), "{\"tokenizer_class\": \"BertTokenizer\"}");
    return target;
  }

  private Recipe recipe(String steps) {
    return Recipe.parse(
        "name: test\ncalibration: { data: \""
            + text
            + "\", samples: 16, length: 14, seed: 5 }\nsteps:\n"
            + steps,
        "test");
  }

  private Fidelity quantize(Path model, String steps, Path output) {
    return Nibble.quantize(model)
        .recipe(recipe(steps))
        .evaluate(new EvaluationOptions(text.toString(), Protocol.parse("gptq")))
        .to(output)
        .log()
        .fidelity()
        .orElseThrow();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "bert",
        "bert-masked-lm",
        "bert-classifier",
        "electra",
        "electra-masked-lm",
        "electra-classifier"
      })
  void everyHeadIsQuantizedComparedAndRunAsSimulated(String name) throws IOException {
    Path model = model(name);
    Path output = folder.resolve("out");
    Fidelity f = quantize(model, "  - gptq: { spec: \"int4:g8\" }\n", output);
    assertThat(f.vectors().orElseThrow().cosine().value()).isBetween(0.9, 0.99999);
    if (name.contains("-")) {
      assertThat(f.positions()).isPositive();
      assertThat(f.kld().value()).isBetween(1e-7, 1.0);
    } else {
      assertThat(f.positions()).isZero();
    }
    assertThat(Nibble.explain(output).log().fidelity()).contains(f);
    try (OpenedModel source = OpenedModel.open(model);
        OpenedModel made = OpenedModel.open(output);
        TorchEncoder simulated = new TorchEncoder(DecoderModel.open(made.weights()).loadAll());
        TextEncoder run = TextEncoder.load(output, RuntimeOptions.DEFAULT)) {
      assertThat(made.weights().config())
          .usingRecursiveComparison()
          .isEqualTo(source.weights().config());
      for (int[] tokens : EncoderFixtures.of(name).texts()) {
        float[] expected = simulated.hidden(tokens);
        float[] found = run.hidden(tokens);
        for (int i = 0; i < expected.length; i++) {
          assertThat(found[i]).isCloseTo(expected[i], org.assertj.core.data.Offset.offset(1e-3f));
        }
      }
    }
  }

  @Test
  void moreBitsAreCloser() throws IOException {
    Path model = model("bert-masked-lm");
    double last = -1;
    for (int bits : new int[] {2, 4, 8}) {
      Fidelity f =
          quantize(
              model, "  - rtn: { spec: \"int" + bits + ":g8\" }\n", folder.resolve("out" + bits));
      assertThat(f.vectors().orElseThrow().cosine().value()).isGreaterThan(last);
      last = f.vectors().orElseThrow().cosine().value();
    }
    assertThat(last).isGreaterThan(0.999);
  }

  @Test
  void smoothedInputsRunInEightBits() throws IOException {
    Path output = folder.resolve("smooth");
    Fidelity f =
        quantize(
            model("bert"),
            """
              - smoothquant: { alpha: auto }
              - rtn: { spec: "int8:channel" }
              - activation: { bits: 8 }
            """,
            output);
    assertThat(f.vectors().orElseThrow().cosineMin()).isGreaterThan(0.99);
    try (OpenedModel made = OpenedModel.open(output)) {
      assertThat(made.weights().siteOps().get("model.layers.0.self_attn.q_proj").onlineTransforms())
          .hasSize(1);
    }
  }

  @Test
  void whatAnEncoderCannotDoIsSaid() throws IOException {
    Path model = model("bert");
    assertThatThrownBy(
            () ->
                Nibble.quantize(model)
                    .recipe(recipe("  - rotate: {}\n  - rtn: { spec: \"int8:g8\" }\n"))
                    .to(folder.resolve("rotated")))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("leave rotate out");
  }
}
