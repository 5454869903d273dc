package dev.nibble;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.compress.recipe.Recipe;
import dev.nibble.core.model.LanguageModel;
import dev.nibble.core.testing.SharedData;
import dev.nibble.io.gguf.GgufExport;
import dev.nibble.io.gguf.GgufExportOptions;
import dev.nibble.io.model.OpenedModel;
import dev.nibble.runtime.RuntimeOptions;
import dev.nibble.runtime.TextModel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What EAQuant claims, on a mixture of 8 experts that was trained by {@code nibble train}. */
class EaquantTest {
  private static final Path MODEL =
      SharedData.repositoryRoot().resolve("facade/src/test/resources/toy-moe");
  private static final String ROUND =
      """
        - rtn: { spec: "int4:channel:asym", clip: mse }
        - activation: { bits: 4, symmetric: false, clip_ratio: 0.9 }
      """;
  private static final int LENGTH = 192;
  private static final String TEXT =
      "Once upon a time there was a little girl who lived in a small house near the park. One day"
          + " she saw a big red ball and wanted to play with it. Her mom said she could go outside"
          + " if she put on her shoes. The girl was very happy and ran to the door. She played with"
          + " the ball until the sun went down and then she went home to eat.";

  @TempDir Path directory;

  private Path quantize(String name, String steps) {
    Recipe recipe =
        Recipe.parse(
            "name: "
                + name
                + "\ncalibration: { data: \""
                + SharedData.repositoryRoot().resolve("models/tiny-lm/samples/calibration.txt")
                + "\", samples: 16, length: 128 }\nsteps:\n"
                + steps,
            "test");
    Path out = directory.resolve(name);
    Nibble.quantize(MODEL).recipe(recipe).to(out);
    return out;
  }

  private static double[] logits(Path path) {
    OpenedModel opened = OpenedModel.open(path);
    try (TextModel model = TextModel.of(opened.weights(), RuntimeOptions.DEFAULT);
        LanguageModel language = model.asLanguageModel();
        OpenedModel source = OpenedModel.open(MODEL)) {
      int[] tokens = source.tokenizer().encode(TEXT, true);
      int count = Math.min(LENGTH, tokens.length);
      int vocab = language.vocabSize();
      double[] out = new double[count * vocab];
      language.logits(
          java.util.Arrays.copyOf(tokens, count),
          0,
          (position, row, offset) -> {
            for (int i = 0; i < vocab; i++) {
              out[position * vocab + i] = row[offset + i];
            }
          });
      return out;
    }
  }

  /** Mean divergence of the next token's distribution from the original's, in nats. */
  private static double divergence(Path quantized) {
    double[] p = logits(MODEL);
    double[] q = logits(quantized);
    int vocab = 512;
    double sum = 0;
    for (int at = 0; at < p.length; at += vocab) {
      double a = logSum(p, at, vocab);
      double b = logSum(q, at, vocab);
      for (int i = at; i < at + vocab; i++) {
        sum += Math.exp(p[i] - a) * (p[i] - a - q[i] + b);
      }
    }
    return sum * vocab / p.length;
  }

  private static double logSum(double[] x, int at, int count) {
    double sum = 0;
    for (int i = at; i < at + count; i++) {
      sum += Math.exp(x[i]);
    }
    return Math.log(sum);
  }

  /** Outliers are planted, because a model this small has none of its own. */
  @Test
  void withOutliersExpertAwareSmoothingBeatsSmoothingBeatsRounding() {
    double[] sums = new double[3];
    for (int seed = 1; seed <= 3; seed++) {
      String plant =
          String.format(
              Locale.ROOT,
              "  - rescale: { range: [0.5, 2], outliers: 4, outlier_factor: 16, seed: %d }\n",
              seed);
      sums[0] += divergence(quantize("ea" + seed, plant + "  - ea_smooth: {}\n" + ROUND));
      sums[1] +=
          divergence(quantize("sm" + seed, plant + "  - smoothquant: { alpha: 0.6 }\n" + ROUND));
      sums[2] += divergence(quantize("rtn" + seed, plant + ROUND));
    }
    assertThat(sums[0]).isLessThan(0.5 * sums[1]);
    assertThat(sums[1]).isLessThan(sums[2]);
  }

  @Test
  void routersOfEightBitsChangeNextToNothingAndAlignedOnesOfFourLessThanMinMax() {
    double eight = divergence(quantize("eight", "  - router_alignment: {}\n"));
    assertThat(eight).isLessThan(0.005);
    String four =
        "  - router_alignment: { spec: \"int4:channel:asym\", loss: kl_top100, input_bits: 0%s }\n";
    double aligned = divergence(quantize("aligned", four.formatted("")));
    double plain = divergence(quantize("plain", four.formatted(", lowest: 1")));
    assertThat(aligned).isLessThan(plain);
  }

  @Test
  void theReportShowsWhatExpertsSawAndGgufKeepsTheModel() throws Exception {
    Path out =
        quantize(
            "gguf",
            """
              - expert_balance: {}
              - gptq: { spec: "int8:g32:sym" }
              - router_alignment: { input_bits: 0 }
            """);
    assertThat(Files.readString(out.resolve("report.html")))
        .contains("Calibration tokens of experts")
        .contains("tokens by expert");
    Path file = directory.resolve("toy.gguf");
    try (OpenedModel model = OpenedModel.open(out)) {
      GgufExport.write(
          model.weights(),
          java.util.Map.of(),
          GgufExportOptions.of(dev.nibble.io.gguf.GgufMix.Q8_0).withRequantization(),
          file,
          dev.nibble.core.progress.Progress.SILENT);
    }
    assertThat(divergence(file)).isLessThan(0.01);
  }
}
