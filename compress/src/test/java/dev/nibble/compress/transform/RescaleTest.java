package dev.nibble.compress.transform;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.compress.RecordedEvents;
import dev.nibble.compress.Step;
import dev.nibble.compress.recipe.Recipe;
import dev.nibble.compress.testing.TinyFamilies;
import dev.nibble.compress.testing.TinyRun;
import dev.nibble.core.NibbleException;
import dev.nibble.core.model.InMemoryWeights;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.rounding.RoundToNearest;
import dev.nibble.core.rounding.RoundingOptions;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.models.ResidentModel;
import dev.nibble.models.Torch;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RescaleTest extends TransformContract {
  private static final String GAIN = "model.layers.0.input_layernorm.weight";
  private static final String QUERY = "model.layers.0.self_attn.q_proj.weight";
  private static final ModelConfig LLAMA = TinyFamilies.llama();
  private static final InMemoryWeights WEIGHTS = TinyFamilies.weights(LLAMA, 3);

  @Override
  Step transform() {
    return new Rescale(new RescaleOptions(0.5, 2, 2, 8, 5));
  }

  private static float[] parameter(RescaleOptions options, String name) {
    int[][] tokens = TinyFamilies.tokens(LLAMA, 1, 4, 4);
    try (ResidentModel model =
        new TinyRun(WEIGHTS, tokens, new RecordedEvents(), 1).apply(new Rescale(options))) {
      return Torch.toFloats(model.blocks().get(1).parameter(name));
    }
  }

  private static double[] factors(RescaleOptions options) {
    float[] before = WEIGHTS.tensor(GAIN).toFloats();
    float[] after = parameter(options, GAIN);
    double[] out = new double[after.length];
    Arrays.setAll(out, j -> after[j] / before[j]);
    return out;
  }

  @Test
  void factorsFillTheRangeAndFollowTheSeed() {
    double[] found = factors(new RescaleOptions(0.5, 2, 0, 30, 5));
    assertThat(Arrays.stream(found).min().orElseThrow()).isBetween(0.4999, 0.7);
    assertThat(Arrays.stream(found).max().orElseThrow()).isBetween(1.4, 2.0001);
    assertThat(factors(new RescaleOptions(0.5, 2, 0, 30, 5))).isEqualTo(found);
    assertThat(factors(new RescaleOptions(0.5, 2, 0, 30, 6))).isNotEqualTo(found);
  }

  @Test
  void outliersStandOutByTheirFactor() {
    double[] found = factors(new RescaleOptions(1, 1, 1, 30, 5));
    Arrays.sort(found);
    assertThat(found[found.length - 1]).isBetween(29.999, 30.001);
    assertThat(found[found.length - 2]).isBetween(0.999, 1.001);
  }

  @Test
  void targetsConfineItToTheInputsOfSomeLinears() {
    RescaleOptions down =
        new RescaleOptions(0.5, 2, 0, 30, 5, List.of(Pattern.compile("layers\\.0\\.mlp\\.down")));
    assertThat(parameter(down, GAIN)).isEqualTo(WEIGHTS.tensor(GAIN).toFloats());
    String weight = "model.layers.0.mlp.down_proj.weight";
    assertThat(parameter(down, weight)).isNotEqualTo(WEIGHTS.tensor(weight).toFloats());
  }

  /** What the step is for: a model that was rounded before is no longer exact on its own grid. */
  @Test
  void weightsLeaveTheGridTheyLayOn() {
    QuantSpec spec = QuantSpec.parse("int4:g32:asym:fp32");
    int[] shape = Arrays.stream(WEIGHTS.tensor(QUERY).shape()).mapToInt(n -> (int) n).toArray();
    float[] once = rounded(WEIGHTS.tensor(QUERY).toFloats(), shape, spec);
    double again = squaredDistance(once, rounded(once, shape, spec));
    float[] gains = parameter(new RescaleOptions(0.5, 2, 0, 30, 5), GAIN);
    float[] before = WEIGHTS.tensor(GAIN).toFloats();
    float[] moved = once.clone();
    for (int i = 0; i < moved.length; i++) {
      moved[i] *= before[i % gains.length] / gains[i % gains.length];
    }
    double afterwards = squaredDistance(moved, rounded(moved, shape, spec));
    assertThat(again).isLessThan(1e-4 * afterwards);
  }

  private static float[] rounded(float[] w, int[] shape, QuantSpec spec) {
    long[] longs = {shape[0], shape[1]};
    return RoundToNearest.quantize(w, longs, spec, RoundingOptions.DEFAULT).toFloats();
  }

  private static double squaredDistance(float[] a, float[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += Math.pow(a[i] - b[i], 2);
    }
    return sum;
  }

  @ParameterizedTest
  @ValueSource(strings = {"[2, 0.5]", "[0, 1]", "[1]", "2", "[a, b]"})
  void aRangeThatIsNoneIsRefused(String range) {
    assertThatThrownBy(
            () -> Recipe.parse("name: r\nsteps:\n  - rescale: { range: " + range + " }\n", "r"))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("rescale")
        .hasMessageContaining(".range: expected [low, high]");
  }
}
