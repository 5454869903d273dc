package dev.nibble.compress.solve;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.compress.BlockRun;
import dev.nibble.compress.Step;
import dev.nibble.compress.TinyModels;
import dev.nibble.compress.allocate.Allocation;
import dev.nibble.compress.codebook.CodebookMatrix;
import dev.nibble.compress.recipe.Recipe;
import dev.nibble.core.model.InMemoryWeights;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.rounding.RoundToNearest;
import dev.nibble.core.rounding.RoundingOptions;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.tensor.CodebookLayout;
import dev.nibble.core.work.Workers;
import dev.nibble.models.Block;
import dev.nibble.models.Site;
import dev.nibble.models.Torch;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The step {@code jlcm}: start, gradient, ladder and edges. */
class JlcmTest {
  private static final ModelConfig CONFIG = TinyModels.llama(64, 32, 48, 1);
  private static final int[][] TOKENS = BlockRun.randomTokens(16, 24, 64, 11);
  private static final String DOWN = TensorNames.layer(0, TensorNames.DOWN);

  private static Step step(String options) {
    return Recipe.parse("steps: [ { jlcm: { " + options + " } } ]", "test")
        .steps()
        .getFirst()
        .step();
  }

  private static BlockRun run(String options, int threads, Consumer<Block> fault) {
    InMemoryWeights weights = InMemoryWeights.random(CONFIG, 0.3, 5);
    return BlockRun.of(weights, List.of(step(options)), TOKENS, threads, fault);
  }

  /** Held-out mean square of the block before and after learning. */
  private static double[] losses(BlockRun run) {
    return Arrays.stream(run.events().of("jlcm.learned").getFirst().what().split("[ ,;]+"))
        .filter(word -> word.matches("[0-9].*"))
        .mapToDouble(Double::parseDouble)
        .toArray();
  }

  @ParameterizedTest
  @ValueSource(strings = {"multi", "scaled", "rows"})
  void sitesAreStoredAsPlanned(String mode) {
    String options = "bits: 3, groups: 5, iters: 6, mode: " + mode;
    BlockRun run = run(options, 2, block -> {});
    Step step = step(options);
    assertThat(run.packed()).hasSize(7);
    run.packed()
        .forEach(
            (name, packed) -> {
              assertThat(packed.toFloats()).as(name).isEqualTo(run.parameters().get(name));
              long[] shape = packed.shape();
              Site site = new Site(name, Site.Kind.LINEAR, (int) shape[0], (int) shape[1]);
              assertThat(packed.byteSize())
                  .isEqualTo(
                      step.stores(site, new Allocation()).orElseThrow().sized(shape).byteSize());
            });
  }

  /** Sheet 40, acceptance 4, by the block's held-out error. */
  @Test
  void learningMoreIsCloserToTheOriginalBlock() {
    String common = "bits: 2, groups: 4, iters: 120, lr_codebook: 1e-2, batch_size: 4, learn: ";
    double[] codebook = losses(run(common + "codebook", 2, block -> {}));
    double[] both = losses(run(common + "both", 2, block -> {}));
    assertThat(codebook[1]).isLessThan(codebook[0]);
    assertThat(both[1]).isLessThan(codebook[1]);
  }

  /** Sheet 40, acceptance 3: the neighbour gains most, where softmax prefers the far end. */
  @Test
  void theProximalRuleFavoursNearCodewords() {
    float[] levels = {-1f, 0f, 0.2f, 1f};
    float[] p = {0.05f, 0.85f, 0.05f, 0.05f};
    float[] proximal = new float[4];
    float[] plain = new float[4];
    Mapping.gradients(levels, p, 4, -1f, 0.2f, JlcmOptions.Gradient.PROXIMAL, proximal);
    Mapping.gradients(levels, p, 4, -1f, 0.2f, JlcmOptions.Gradient.PLAIN, plain);
    // logits move against the gradient
    assertThat(-proximal[2]).isGreaterThan(-proximal[3]).isPositive();
    assertThat(-plain[3]).isGreaterThan(-plain[2]);
    float before = Float.POSITIVE_INFINITY;
    for (float d = 0; d < 3; d += 0.1f) {
      assertThat(Mapping.phi(d, 0.2f)).isPositive().isLessThan(before);
      before = Mapping.phi(d, 0.2f);
    }
  }

  /** Sheet 40, acceptance 2. */
  @Test
  void aUniformGridThatIsNotLearnedIsRoundToNearest() {
    float[] w = GptqCases.gaussians(12 * 40, 3);
    CodebookLayout layout = new CodebookLayout(1, 4, 1, 1, false, CodebookLayout.Scales.ROW);
    try (Workers workers = new Workers(1)) {
      float[] found =
          JlcmInit.start(w, 40, layout, JlcmOptions.Init.UNIFORM, 1, workers).pack().toFloats();
      float[] rounded =
          RoundToNearest.quantize(
                  w,
                  new long[] {12, 40},
                  QuantSpec.parse("int4:channel:sym"),
                  RoundingOptions.DEFAULT)
              .toFloats();
      for (int i = 0; i < found.length; i++) {
        // a value half way may go either way: the distance is the same
        assertThat(Math.abs(found[i] - w[i]))
            .isCloseTo(Math.abs(rounded[i] - w[i]), org.assertj.core.api.Assertions.within(1e-5f));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 3, 4})
  void clusteringIsNeverWorseThanTheGridOfTheSameSize(int bits) {
    CodebookLayout layout = new CodebookLayout(1, bits, 1, 1, false, CodebookLayout.Scales.NONE);
    try (Workers workers = new Workers(1)) {
      for (long seed = 0; seed < 8; seed++) {
        float[] w = GptqCases.gaussians(300, seed);
        for (int i = 0; i < w.length; i += 7) {
          w[i] *= (seed % 4) * 2;
        }
        CodebookMatrix clusters =
            JlcmInit.start(w, 30, layout, JlcmOptions.Init.KMEANS, seed, workers);
        CodebookMatrix grid =
            JlcmInit.start(w, 30, layout, JlcmOptions.Init.UNIFORM, seed, workers);
        assertThat(Objective.relative(w, clusters.values()))
            .isLessThanOrEqualTo(Objective.relative(w, grid.values()) * (1 + 1e-3));
      }
    }
  }

  @Test
  void classesOfRowsSeparateDistributions() {
    float[] w = GptqCases.gaussians(40 * 64, 9);
    for (int i = 0; i < w.length; i++) {
      w[i] *= i / 64 % 2 == 0 ? 1 : 20;
    }
    try (Workers workers = new Workers(1)) {
      CodebookMatrix two =
          JlcmInit.start(
              w,
              64,
              new CodebookLayout(1, 2, 1, 2, true, CodebookLayout.Scales.NONE),
              JlcmOptions.Init.KMEANS,
              1,
              workers);
      for (int r = 0; r < 40; r++) {
        assertThat(two.rowClass(r) == two.rowClass(0)).isEqualTo(r % 2 == 0);
      }
      CodebookMatrix one =
          JlcmInit.start(
              w,
              64,
              new CodebookLayout(1, 2, 1, 1, true, CodebookLayout.Scales.NONE),
              JlcmOptions.Init.KMEANS,
              1,
              workers);
      assertThat(Objective.relative(w, two.values()))
          .isLessThan(Objective.relative(w, one.values()));
    }
  }

  @Test
  void bitsDoNotDependOnThreads() {
    String options = "bits: 2, groups: 3, iters: 12";
    BlockRun one = run(options, 1, block -> {});
    BlockRun three = run(options, 3, block -> {});
    one.parameters()
        .forEach((site, w) -> assertThat(three.parameters().get(site)).as(site).isEqualTo(w));
  }

  @ParameterizedTest
  @ValueSource(strings = {"multi", "scaled", "rows"})
  void zeroRowsFewValuesAndManyClassesDoNoHarm(String mode) {
    BlockRun run =
        run(
            "bits: 4, groups: 200, iters: 4, mode: " + mode,
            2,
            block -> {
              if (block.name().equals(TensorNames.layer(0))) {
                var view = Torch.view(block.parameter(DOWN + ".weight"));
                for (int i = 0; i < 48 * 2; i++) { // a row of zeros, a row of two values
                  view.setAtIndex(ValueLayout.JAVA_FLOAT, i, i < 48 ? 0f : 0.5f * (i % 2));
                }
              }
            });
    assertThat(run.packed()).hasSize(7);
    run.parameters()
        .values()
        .forEach(
            w -> {
              for (float value : w) {
                assertThat(value).isFinite();
              }
            });
  }

  @Test
  void codewordsThatCrossAreSortedAndCodesFollow() {
    CodebookLayout layout = new CodebookLayout(1, 2, 1, 1, false, CodebookLayout.Scales.NONE);
    CodebookMatrix matrix =
        new CodebookMatrix(
            layout, 1, 4, new int[] {0, 1, 2, 3}, new float[] {2, -1, 5, 0}, new float[0], null);
    float[] before = matrix.values();
    JlcmTraining.sort(matrix);
    assertThat(matrix.values()).isEqualTo(before);
    assertThat(matrix.words()).containsExactly(-1, 0, 2, 5);
  }
}
