package dev.nibble.compress.allocate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.compress.TinyModels;
import dev.nibble.core.model.InMemoryWeights;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.core.tensor.PackedTensor;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** The step zd. */
class ZdStepTest extends AllocatorContract {

  @Override
  String step(String levels, String budget) {
    return "zd: { levels: " + levels + ", " + budget + " }";
  }

  @Override
  String reversed(String levels, String budget) {
    return "zd: { levels: " + levels + ", order: reverse, " + budget + " }";
  }

  private static float[] gaussian(int count, float scale, float shift) {
    SplittableRandom random = new SplittableRandom(4);
    float[] out = new float[count];
    for (int i = 0; i < count; i++) {
      out[i] = scale * (float) random.nextGaussian() + shift;
    }
    return out;
  }

  private static double share(ZScores.Side side, float[]... parts) {
    ZScores moments = new ZScores();
    for (float[] part : parts) {
      moments.add(part);
    }
    return Arrays.stream(parts).mapToLong(p -> moments.beyond(p, 1, side)).sum()
        / (double) moments.count();
  }

  @Test
  void aNormalDistributionHasTheShareOfItsTail() {
    float[] weights = gaussian(1_000_000, 1, 0);
    assertThat(share(ZScores.Side.UPPER, weights)).isCloseTo(0.1587, within(0.002));
    assertThat(share(ZScores.Side.ABS, weights)).isCloseTo(0.3173, within(0.002));
  }

  @Test
  void scaleAndShiftDoNotMatter() {
    double plain = share(ZScores.Side.UPPER, gaussian(200_000, 1, 0));
    assertThat(share(ZScores.Side.UPPER, gaussian(200_000, 0.002f, 0)))
        .isCloseTo(plain, within(2e-5));
    assertThat(share(ZScores.Side.UPPER, gaussian(200_000, 1, 300)))
        .isCloseTo(plain, within(2e-4)); // fp32 holds the weights to 3e-5 there
  }

  @Test
  void weightsOfALayerCountTogether() {
    float[] narrow = gaussian(1000, 0.1f, 0);
    float[] wide = gaussian(1000, 10, 0);
    float[] all = Arrays.copyOf(narrow, 2000);
    System.arraycopy(wide, 0, all, 1000, 1000);
    assertThat(share(ZScores.Side.UPPER, narrow, wide)).isEqualTo(share(ZScores.Side.UPPER, all));
  }

  @Test
  void equalWeightsHaveNoneThatStandsOut() {
    float[] equal = new float[500];
    Arrays.fill(equal, 0.3f);
    assertThat(share(ZScores.Side.ABS, equal)).isZero();
  }

  @Test
  void aConstantLayerIsNoted() {
    Map<String, PackedTensor> tensors = new HashMap<>();
    weights.names().forEach(name -> tensors.put(name, weights.tensor(name)));
    for (String name : weights.names()) {
      if (name.startsWith(TensorNames.layer(3) + ".") && weights.tensor(name).shape().length == 2) {
        float[] equal = new float[Math.toIntExact(weights.tensor(name).elements())];
        Arrays.fill(equal, 0.25f);
        tensors.put(name, DenseTensor.of(equal, weights.tensor(name).shape()));
      }
    }
    AllocationRun run =
        new AllocationRun(new InMemoryWeights(weights.config(), tensors, Map.of()), tokens);
    run.of("{ zd: { high_layers: 2 } }, rtn");
    assertThat(run.events().sites("zd.constant")).containsExactly("model.layers.3");
  }

  @Test
  void heavyTailedLayersMatterMore() {
    Map<String, PackedTensor> tensors = new HashMap<>();
    weights.names().forEach(name -> tensors.put(name, weights.tensor(name)));
    String name = TensorNames.weight(TensorNames.layer(1, TensorNames.GATE));
    float[] spiked = weights.tensor(name).toFloats();
    spiked[5] *= 200; // few weights stand out by much, so hardly any other does
    tensors.put(name, DenseTensor.of(spiked, weights.tensor(name).shape()));
    AllocationReport report =
        new AllocationRun(new InMemoryWeights(weights.config(), tensors, Map.of()), tokens)
            .of("{ zd: { high_layers: 1 } }, rtn")
            .reports()
            .getFirst();
    assertThat(report.rows().get(1).rank()).isEqualTo(1);
    assertThat(report.rows().get(1).level()).isEqualTo("int4:g32:asym");
  }

  @Test
  void oneLayerIsEnough() {
    InMemoryWeights single = InMemoryWeights.random(TinyModels.llama(31, 32, 48, 1), 0.1, 3);
    Allocation allocation = new AllocationRun(single, tokens).of("{ zd: { bits: 4.7 } }, rtn");
    assertThat(allocation.reports().getFirst().rows()).hasSize(1);
    assertThat(allocation.reports().getFirst().rows().getFirst().level())
        .isEqualTo("int4:g32:asym");
  }
}
