package dev.nibble.compress.allocate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.nibble.compress.BlockRun;
import dev.nibble.compress.Step;
import dev.nibble.compress.TinyModels;
import dev.nibble.compress.recipe.OptionReader;
import dev.nibble.compress.recipe.Recipe;
import dev.nibble.compress.recipe.RecipeStep;
import dev.nibble.compress.solve.BinaryRounding;
import dev.nibble.compress.solve.Parts;
import dev.nibble.compress.testing.BundledModel;
import dev.nibble.core.NibbleException;
import dev.nibble.core.model.InMemoryWeights;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.rounding.RoundToNearest;
import dev.nibble.core.rounding.RoundingOptions;
import dev.nibble.core.tensor.BandedTensor;
import dev.nibble.core.work.Workers;
import dev.nibble.models.Torch;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SlimStepTest {
  private static final String SOLVE =
      "gptq: { act_order: false, static_groups: false, salience: { lambda: 1 } }";
  private static final int[][] TOKENS = BlockRun.randomTokens(6, 24, 64, 11);

  private static SlimOptions options(int group) {
    return SlimOptions.from(
        new OptionReader("slim", JsonNodeFactory.instance.objectNode().put("group_size", group)));
  }

  private static List<Step> steps(String slim) {
    return Recipe.parse("steps: [ { slim: " + slim + " }, { " + SOLVE + " } ]", "test")
        .steps()
        .stream()
        .map(RecipeStep::step)
        .toList();
  }

  private static BlockRun run(ModelConfig config, String slim, int threads) {
    return BlockRun.of(InMemoryWeights.random(config, 0.3, 5), steps(slim), TOKENS, threads);
  }

  @ParameterizedTest
  @CsvSource({"8, 8, 3", "9, 8, 3", "16, 16, 7", "4, 4, 1", "3, 0, 0", "5, 4, 1"})
  void asManyGroupsGainAsLoseAndTheMeanStays(int groups, int whole, int most) {
    double[] salience = new double[groups];
    Arrays.setAll(salience, g -> g * 7 % groups);
    SlimWidths widths = new SlimWidths(salience, whole, false);
    assertThat(widths.most()).isEqualTo(most);
    for (int m = 0; m <= most; m++) {
      int[] classes = widths.classes(m);
      assertThat(Arrays.stream(classes).sum()).isEqualTo(groups);
      assertThat(Arrays.stream(classes).filter(c -> c == SlimWidths.MORE).count()).isEqualTo(m);
      assertThat(Arrays.stream(classes).filter(c -> c == SlimWidths.LESS).count()).isEqualTo(m);
      if (whole < groups) {
        assertThat(classes[groups - 1]).isEqualTo(SlimWidths.SAME);
      }
    }
    if (most > 0) {
      assertThat(salience[widths.raised(1)]).isGreaterThan(salience[widths.lowered(1)]);
    }
  }

  @Test
  void distancesAreThoseOfTheWholeOutputsUnderEachCandidate() {
    int columns = 64;
    int rows = 12;
    float[] w = new float[rows * columns];
    for (int i = 0; i < w.length; i++) {
      w[i] = (float) (Math.sin(i * 0.37) * (1 + i % columns / 8));
    }
    SlimOptions options = options(8);
    SlimWidths widths =
        new SlimWidths(SlimWidths.salience(w, ones(columns), 8), columns / 8, false);
    float[] x = new float[5 * columns];
    for (int i = 0; i < x.length; i++) {
      x[i] = (float) Math.cos(i * 1.7);
    }
    try (Workers workers = new Workers(2);
        SlimSearch search = new SlimSearch(w, columns, widths, options, workers)) {
      double[] found =
          Torch.scope(() -> new double[][] {search.distances(Torch.fromFloats(x, 5, columns))})[0];
      assertThat(found).hasSize(widths.most() + 1);
      for (int m = 0; m < found.length; m++) {
        float[] mixed = mixed(w, rows, columns, widths.classes(m), options, workers);
        double expected = 0;
        for (int t = 0; t < 5; t++) {
          double[] p = softmax(x, t, mixed, rows, columns);
          double[] r = softmax(x, t, w, rows, columns);
          for (int i = 0; i < rows; i++) {
            expected += p[i] * (Math.log(p[i]) - Math.log(r[i]));
          }
        }
        assertThat(found[m]).isCloseTo(expected, within(1e-3));
      }
    }
  }

  private static double[] ones(int n) {
    double[] out = new double[n];
    Arrays.fill(out, 1);
    return out;
  }

  private static float[] mixed(
      float[] w, int rows, int columns, int[] classes, SlimOptions options, Workers workers) {
    return Parts.of(
            new Assignment.Columns(options.specs(), options.groupSize(), classes), rows, columns)
        .solve(
            w,
            rows,
            columns,
            (values, part) ->
                part.spec().bits() == 1
                    ? BinaryRounding.quantize(
                        values,
                        rows,
                        part.members().length,
                        options.groupSize(),
                        part.spec().scaleFormat(),
                        workers)
                    : RoundToNearest.quantize(
                        values,
                        new long[] {rows, part.members().length},
                        part.spec(),
                        RoundingOptions.DEFAULT,
                        workers))
        .toFloats();
  }

  private static double[] softmax(float[] x, int token, float[] w, int rows, int columns) {
    double[] out = new double[rows];
    double sum = 0;
    for (int r = 0; r < rows; r++) {
      double dot = 0;
      for (int c = 0; c < columns; c++) {
        dot += (double) x[token * columns + c] * w[r * columns + c];
      }
      out[r] = Math.exp(dot);
      sum += out[r];
    }
    for (int r = 0; r < rows; r++) {
      out[r] = Math.max(1e-6, out[r] / sum);
    }
    return out;
  }

  @Test
  void everyWeightHasItsMeanWidth() {
    BlockRun run =
        run(TinyModels.llama(64, 64, 136, 2), "{ group_size: 8, include_uniform: false }", 2);
    assertThat(run.packed()).hasSize(14);
    run.packed()
        .forEach(
            (site, packed) -> {
              int[] widths = {0, 0};
              if (packed instanceof BandedTensor banded) {
                banded
                    .bands()
                    .forEach(
                        band -> {
                          String type = band.typeName();
                          int bits = type.startsWith("int") ? type.charAt(3) - '0' : 1;
                          widths[0] += bits * band.columns();
                          widths[1] += (bits - 2) * band.columns();
                        });
                assertThat(widths[0]).as(site).isEqualTo(2 * packed.columns());
                assertThat(widths[1]).as(site).isZero();
              }
            });
    assertThat(run.packed().values()).allMatch(BandedTensor.class::isInstance);
  }

  @Test
  void fewGroupsGetOneWidthAndBitsDoNotDependOnThreads() {
    ModelConfig config = TinyModels.llama(64, 40, 72, 1);
    BlockRun one = run(config, "{ group_size: 16 }", 1);
    BlockRun three = run(config, "{ group_size: 16 }", 3);
    one.parameters().forEach((site, w) -> assertThat(three.parameters().get(site)).isEqualTo(w));
    assertThat(one.packed().get("model.layers.0.self_attn.q_proj").typeName())
        .isEqualTo("int2:g16:asym");
  }

  @Test
  void aMeanOfOneBitAndGroupsThatAreTooWideAreRefused() {
    assertThatThrownBy(() -> steps("{ bits: 1 }"))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("slim.bits")
        .hasMessageContaining("billm");
    assertThat(steps("{}").getFirst().objections(TinyModels.llama(64, 64, 128, 1)))
        .singleElement()
        .asString()
        .contains("group_size: 128");
  }

  @Test
  void beatsGptqAndItsOwnReverseOnATrainedModel() {
    try (BundledModel model = new BundledModel()) {
      double slim = model.divergence(model.run("slim: { group_size: 32 }", SOLVE));
      double reversed =
          model.divergence(
              model.run("slim: { group_size: 32, reversed: true, include_uniform: false }", SOLVE));
      double gptq =
          model.divergence(
              model.run("gptq: { spec: 'int2:g32', act_order: false, static_groups: false }"));
      assertThat(slim).isLessThan(gptq).isLessThan(reversed);
    }
  }
}
