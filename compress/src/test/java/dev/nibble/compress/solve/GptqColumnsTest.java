package dev.nibble.compress.solve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.compress.BlockRun;
import dev.nibble.compress.Step;
import dev.nibble.compress.TinyModels;
import dev.nibble.compress.allocate.Allocation;
import dev.nibble.compress.allocate.Assignment;
import dev.nibble.compress.recipe.Recipe;
import dev.nibble.compress.testing.AssignStep;
import dev.nibble.core.NibbleException;
import dev.nibble.core.model.InMemoryWeights;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.rounding.GridFlavour;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.spec.ScaleFormat;
import dev.nibble.core.tensor.BandedTensor;
import dev.nibble.models.Block;
import dev.nibble.models.Site;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** GPTQ on blocks of columns with widths of their own. */
class GptqColumnsTest {
  /** Width 40: two whole blocks of 16 columns and a short one. */
  private static final ModelConfig CONFIG = TinyModels.llama(64, 40, 72, 1);

  private static final int[][] TOKENS = BlockRun.randomTokens(6, 24, 64, 11);
  private static final List<QuantSpec> SPECS =
      Stream.of("binary:g16", "int2:g16:asym", "int3:g16:asym", "int4:g16:asym")
          .map(QuantSpec::parse)
          .toList();

  private static Assignment mixed(Site site) {
    return new Assignment.Columns(
        SPECS, 16, IntStream.range(0, Math.ceilDiv(site.inputs(), 16)).map(b -> b % 4).toArray());
  }

  private static Assignment.Columns allOf(Site site, int which) {
    int[] classes = new int[Math.ceilDiv(site.inputs(), 16)];
    Arrays.fill(classes, which);
    return new Assignment.Columns(SPECS, 16, classes);
  }

  private static Step gptq(String options) {
    return Recipe.parse("steps: [ { gptq: " + options + " } ]", "test").steps().getFirst().step();
  }

  private static BlockRun run(int threads, Consumer<Block> fault, Step... steps) {
    return BlockRun.of(
        InMemoryWeights.random(CONFIG, 0.1, 5), List.of(steps), TOKENS, threads, fault);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{ act_order: false, static_groups: false }",
        "{}",
        "{ act_order: false, static_groups: false, salience: { lambda: 3 } }",
        "{ salience: {} }"
      })
  void mixedWidthsAreStoredAsPlannedAndNotWorseThanRounding(String options) {
    Step gptq = gptq(options);
    BlockRun run = run(2, block -> {}, new AssignStep(GptqColumnsTest::mixed), gptq);
    assertThat(run.packed()).hasSize(7);
    run.packed()
        .forEach(
            (name, packed) -> {
              long[] shape = packed.shape();
              Site site = new Site(name, Site.Kind.LINEAR, (int) shape[0], (int) shape[1]);
              Allocation allocation = new Allocation();
              allocation.assign(name, mixed(site));
              var planned = gptq.stores(site, allocation).orElseThrow().sized(shape);
              assertThat(packed).isInstanceOf(BandedTensor.class);
              assertThat(packed.byteSize()).isEqualTo(planned.byteSize());
              assertThat(packed.typeName()).isEqualTo(planned.typeName());
              assertThat(packed.toFloats()).isEqualTo(run.parameters().get(name));
              var solved = run.events().solved().get(name);
              assertThat(solved.relativeError()).isBetween(0.0, solved.rtnRelativeError());
            });
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"act_order: false, static_groups: false", "act_order: true", "act_order: false"})
  void oneWidthForAllBlocksIsPlainGptq(String options) {
    BlockRun columns =
        run(2, block -> {}, new AssignStep(site -> allOf(site, 2)), gptq("{ " + options + " }"));
    BlockRun plain = run(2, block -> {}, gptq("{ spec: 'int3:g16:asym', " + options + " }"));
    plain
        .parameters()
        .forEach((site, w) -> assertThat(columns.parameters().get(site)).as(site).isEqualTo(w));
  }

  @Test
  void bitsDoNotDependOnThreads() {
    Step gptq = gptq("{ act_order: false, static_groups: false, salience: {} }");
    BlockRun one = run(1, block -> {}, new AssignStep(GptqColumnsTest::mixed), gptq);
    BlockRun three = run(3, block -> {}, new AssignStep(GptqColumnsTest::mixed), gptq);
    one.parameters().forEach((site, w) -> assertThat(three.parameters().get(site)).isEqualTo(w));
  }

  @Test
  void wideBlocksAreCloserToTheOriginal() {
    String q = TensorNames.layer(0, TensorNames.Q);
    float[] original = new float[40 * 40];
    InMemoryWeights.random(CONFIG, 0.1, 5).tensor(q + ".weight").dequantize(0, 40, original, 0);
    float[] stored =
        run(2, block -> {}, new AssignStep(site -> descending(site)), gptq("{}"))
            .parameters()
            .get(q);
    double[] errors = new double[3];
    for (int i = 0; i < stored.length; i++) {
      errors[i % 40 / 16] += Math.pow(stored[i] - original[i], 2) / (i % 40 < 32 ? 16 : 8);
    }
    assertThat(errors[0]).isLessThan(errors[1]);
    assertThat(errors[1]).isLessThan(errors[2]);
  }

  private static Assignment descending(Site site) {
    return new Assignment.Columns(
        SPECS,
        16,
        IntStream.range(0, Math.ceilDiv(site.inputs(), 16)).map(b -> Math.max(0, 3 - b)).toArray());
  }

  @Test
  void deadInputsAndConstantRowsStayFinite() {
    String norm = TensorNames.layer(0, TensorNames.INPUT_NORM) + ".weight";
    String down = TensorNames.layer(0, TensorNames.DOWN) + ".weight";
    BlockRun run =
        run(
            2,
            block -> {
              if (block.name().equals(TensorNames.layer(0))) {
                SolverContract.set(block, norm, 3, 0f);
                for (int c = 0; c < 72; c++) {
                  SolverContract.set(block, down, c, 0f);
                  SolverContract.set(block, down, 72 + c, 0.25f);
                }
              }
            },
            new AssignStep(GptqColumnsTest::mixed),
            gptq("{ act_order: false, static_groups: false, salience: {} }"));
    run.parameters()
        .values()
        .forEach(
            w -> {
              for (float value : w) {
                assertThat(value).isFinite();
              }
            });
    assertThat(run.parameters().get(TensorNames.layer(0, TensorNames.DOWN))[5]).isZero();
  }

  @Test
  void whatCannotBeDoneIsRefused() {
    refused("{ act_order: true, static_groups: false }", 16, "leave keep_grid out");
    refused("{}", 8, "cannot have binary:g16 in blocks of its columns");
    assertThatThrownBy(() -> gptq("{ spec: int2:g16, static_groups: false, salience: {} }"))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("gptq.salience");
  }

  private static void refused(String options, int block, String message) {
    Site site = new Site(TensorNames.layer(0, TensorNames.Q), Site.Kind.LINEAR, 40, 40);
    Allocation allocation = new Allocation();
    allocation.assign(
        site.name(), new Assignment.Columns(SPECS, block, new int[Math.ceilDiv(40, block)]));
    assertThatThrownBy(() -> gptq(options).stores(site, allocation))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining(site.name())
        .hasMessageContaining(message);
  }

  @Test
  void weighingSalientElementsLowersTheirErrorAlone() {
    int n = 64;
    float[] w = GptqCases.gaussians(32 * n, 3);
    double[] h = GptqCases.correlatedHessian(n, 300, 4);
    double[] costs =
        GptqCases.withHessian(
            h,
            (hessian, workers) ->
                Curvature.of(hessian, 0.01, false, workers).orElseThrow().lossCosts());
    double[] plain = errors(w, h, costs, 1);
    double[] weighted = errors(w, h, costs, 30);
    assertThat(weighted[1]).isLessThan(0.95 * plain[1]);
    assertThat(weighted[0]).isGreaterThan(plain[0]);
  }

  /** Squared errors of ordinary and of salient elements, rounded on salience-weighted grids. */
  private static double[] errors(float[] w, double[] h, double[] costs, double lambda) {
    int n = costs.length;
    SalientGrids grids =
        GptqCases.withHessian(
            h,
            (hessian, workers) ->
                new SalientGrids(
                    w,
                    Curvature.of(hessian, 0.01, false, workers).orElseThrow(),
                    n,
                    new SalienceOptions(lambda, 2, 2.4, 0.3, 50)));
    double mean = 0;
    double square = 0;
    double[] salience = new double[w.length];
    for (int i = 0; i < w.length; i++) {
      salience[i] = w[i] * w[i] * costs[i % n];
      mean += salience[i] / w.length;
      square += salience[i] * salience[i] / w.length;
    }
    double threshold = mean + 2 * Math.sqrt(square - mean * mean);
    double[] out = new double[2];
    for (int i = 0; i < w.length; i++) {
      int row = i / n;
      var grid = grids.fit(w, row * n, row * n + n, 0, 2, GridFlavour.GPTQ, ScaleFormat.FP16);
      out[salience[i] > threshold ? 1 : 0] += Math.pow(grid.value(grid.code(w[i])) - w[i], 2);
    }
    return out;
  }
}
