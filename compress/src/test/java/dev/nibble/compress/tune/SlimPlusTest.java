package dev.nibble.compress.tune;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.compress.BlockRun;
import dev.nibble.compress.Step;
import dev.nibble.compress.TinyModels;
import dev.nibble.compress.allocate.Allocation;
import dev.nibble.compress.allocate.Assignment;
import dev.nibble.compress.recipe.Recipe;
import dev.nibble.compress.solve.Parts;
import dev.nibble.compress.testing.AssignStep;
import dev.nibble.compress.testing.BundledModel;
import dev.nibble.core.model.InMemoryWeights;
import dev.nibble.core.rounding.RoundingOptions;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.spec.ScaleFormat;
import dev.nibble.core.tensor.BandedTensor;
import dev.nibble.models.Site;
import dev.nibble.models.Torch;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;

class SlimPlusTest {
  private static final List<QuantSpec> SPECS =
      Stream.of("binary:g16", "int2:g16:asym", "int3:g16:asym").map(QuantSpec::parse).toList();
  private static final int[][] TOKENS = BlockRun.randomTokens(8, 24, 64, 11);

  private static float[] gaussians(int n) {
    Random random = new Random(n);
    float[] out = new float[n];
    for (int i = 0; i < n; i++) {
      out[i] = (float) random.nextGaussian();
    }
    return out;
  }

  private static Assignment mixed(Site site) {
    return new Assignment.Columns(
        SPECS, 16, IntStream.range(0, Math.ceilDiv(site.inputs(), 16)).map(b -> b % 3).toArray());
  }

  @Test
  void whatIsTrainedIsWhatIsStored() {
    Parts parts = Parts.of(new Assignment.Columns(SPECS, 16, new int[] {2, 0, 1, 0}), 6, 64);
    float[] w = gaussians(6 * 64);
    try (PartClips clips = new PartClips(6, 64, parts, RoundingOptions.DEFAULT)) {
      Torch.run(
          () -> {
            Tensor weight = Torch.fromFloats(w, 6, 64);
            assertThat(clips.pack(weight).toFloats())
                .isEqualTo(Torch.toFloats(clips.quantize(weight)));
          });
      assertThat(clips.trainables("site", 0.1)).hasSize(5);
    }
  }

  @Test
  void magnitudesOfOneBitStartAtTheMeanDistanceAndHaveTheRightGradient() {
    float[] w = gaussians(8);
    float[] weights = gaussians(16);
    double mean = 0;
    double distance = 0;
    for (float v : w) {
      mean += v / 8;
    }
    for (float v : w) {
      distance += Math.abs(v - mean) / 8;
    }
    double expected = 0;
    for (int i = 0; i < 8; i++) {
      expected += weights[i] * (w[i] >= mean ? 1 : -1) * distance * 0.25;
    }
    try (LearnedBinary binary = new LearnedBinary(1, 8, 8, ScaleFormat.FP32)) {
      float[] values =
          Torch.scope(() -> List.of(binary.quantize(Torch.fromFloats(w, 1, 8)))).stream()
              .map(Torch::toFloats)
              .findFirst()
              .orElseThrow();
      for (int i = 0; i < 8; i++) {
        double side = w[i] >= mean ? distance : -distance;
        assertThat((double) values[i]).isCloseTo(mean + side, within(1e-5));
      }
      Torch.run(
          () ->
              binary
                  .quantize(Torch.fromFloats(w, 1, 8))
                  .mul(Torch.fromFloats(Arrays.copyOf(weights, 8), 1, 8))
                  .sum()
                  .backward());
      Tensor gradient = binary.trainable("", 1).value().grad();
      assertThat((double) Torch.toFloats(gradient)[0]).isCloseTo(expected, within(1e-5));
    }
  }

  @Test
  void mixedWidthsAreStoredAsPlannedForAnyNumberOfThreads() {
    Step step =
        Recipe.parse("steps: [ { slim_plus: { epochs: 2 } } ]", "test").steps().getFirst().step();
    BlockRun[] runs = new BlockRun[2];
    for (int threads = 1; threads <= 2; threads++) {
      runs[threads - 1] =
          BlockRun.of(
              InMemoryWeights.random(TinyModels.llama(64, 48, 96, 1), 0.1, 5),
              List.of(new AssignStep(SlimPlusTest::mixed), step),
              TOKENS,
              threads);
    }
    assertThat(runs[0].packed()).hasSize(7);
    runs[0]
        .packed()
        .forEach(
            (name, packed) -> {
              long[] shape = packed.shape();
              Site site = new Site(name, Site.Kind.LINEAR, (int) shape[0], (int) shape[1]);
              Allocation allocation = new Allocation();
              allocation.assign(name, mixed(site));
              var planned = step.stores(site, allocation).orElseThrow().sized(shape);
              assertThat(packed).isInstanceOf(BandedTensor.class);
              assertThat(packed.byteSize()).isEqualTo(planned.byteSize());
              assertThat(packed.typeName()).isEqualTo(planned.typeName());
              assertThat(packed.toFloats()).isEqualTo(runs[0].parameters().get(name));
              assertThat(runs[1].parameters().get(name)).isEqualTo(packed.toFloats());
            });
  }

  @Test
  void learnedRangesAreBetterThanWholeOnesAtTheSameWidths() {
    try (BundledModel model = new BundledModel()) {
      String slim = "slim: { group_size: 32 }";
      double learned = model.divergence(model.run(slim, "slim_plus: { epochs: 4 }"));
      double whole = model.divergence(model.run(slim, "slim_plus: { epochs: 0 }"));
      assertThat(learned).isLessThan(whole);
    }
  }
}
