package dev.nibble.parity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.Nibble;
import dev.nibble.compress.recipe.Recipe;
import dev.nibble.core.NibbleException;
import dev.nibble.core.model.LanguageModel;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.io.model.OpenedModel;
import dev.nibble.runtime.RuntimeOptions;
import dev.nibble.runtime.TextModel;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Real files of every family, rotated and stored with 8-bit weights by the pipeline, run by the
 * runtime, against the reference implementation's logits of the original.
 */
class RotatedFamiliesTest {
  private static final Path FAMILIES =
      Path.of(System.getProperty("nibble.repo.root"), "models/src/test/resources/families");
  private static final Recipe RECIPE =
      Recipe.parse(
          """
          name: rotated
          steps:
            - rotate: { kind: hadamard, seed: 3, online: [down, o, qk] }
            - rtn: { spec: "int8:g8:asym" }
          """,
          "test");

  static Stream<String> families() throws IOException {
    try (Stream<Path> directories = Files.list(FAMILIES)) {
      return directories
          .filter(Files::isDirectory)
          .map(d -> d.getFileName().toString())
          .sorted()
          .toList() // the directory is closed before JUnit reads on
          .stream();
    }
  }

  @ParameterizedTest
  @MethodSource("families")
  void aRotatedArtefactComputesWhatTheOriginalDid(String family, @TempDir Path temporary)
      throws IOException {
    Path source = FAMILIES.resolve(family);
    Path output = temporary.resolve("out");
    if (normsBehind(source)) {
      assertThatThrownBy(() -> Nibble.quantize(source).recipe(RECIPE).to(output))
          .isInstanceOf(NibbleException.class)
          .hasMessageContaining("rotate");
      return;
    }
    Nibble.quantize(source).recipe(RECIPE).to(output);
    int[] tokens =
        Arrays.stream(Files.readString(source.resolve("tokens.txt")).strip().split("\\s+"))
            .mapToInt(Integer::parseInt)
            .toArray();
    FloatBuffer expected =
        ByteBuffer.wrap(Files.readAllBytes(source.resolve("logits.f32")))
            .order(ByteOrder.LITTLE_ENDIAN)
            .asFloatBuffer();
    double[] differences = new double[tokens.length];
    double[] references = new double[tokens.length];
    boolean experts;
    try (OpenedModel opened = OpenedModel.open(output)) {
      assertThat(opened.weights().config().norm()).isEqualTo(ModelConfig.Norm.RMS);
      assertThat(opened.weights().siteOps()).isNotEmpty();
      experts = opened.weights().config().moe().present();
      // one of the models is run beyond the context it was trained for
      int context = Math.max(opened.weights().config().maxPositions(), tokens.length);
      RuntimeOptions plain = RuntimeOptions.DEFAULT;
      RuntimeOptions options = plain.withThreads(1).withContextLength(context);
      TextModel model = TextModel.of(opened.weights(), options);
      LanguageModel language = model.asLanguageModel();
      language.logits(
          tokens,
          0,
          (position, row, offset) -> {
            for (int i = 0; i < language.vocabSize(); i++) {
              double reference = expected.get(position * language.vocabSize() + i);
              differences[position] += Math.pow(row[offset + i] - reference, 2);
              references[position] += reference * reference;
            }
          });
      language.close();
    }
    if (experts) {
      // rounding may send a token whose experts are nearly tied elsewhere
      long near =
          IntStream.range(0, tokens.length)
              .filter(i -> Math.sqrt(differences[i] / references[i]) < 0.06)
              .count();
      assertThat(near).as("tokens with equal logits").isGreaterThanOrEqualTo(tokens.length - 2);
      return;
    }
    double error = Math.sqrt(Arrays.stream(differences).sum() / Arrays.stream(references).sum());
    assertThat(error).as("relative error of logits").isLessThan(0.02);
  }

  private static boolean normsBehind(Path source) {
    try (OpenedModel opened = OpenedModel.open(source)) {
      ModelConfig.Residual residual = opened.weights().config().residual();
      return residual == ModelConfig.Residual.POST_NORM
          || residual == ModelConfig.Residual.SANDWICH;
    }
  }
}
