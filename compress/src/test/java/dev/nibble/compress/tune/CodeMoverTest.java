package dev.nibble.compress.tune;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.compress.codebook.ArrayAdam;
import dev.nibble.compress.recipe.OptionReader;
import dev.nibble.core.rounding.RoundToNearest;
import dev.nibble.core.rounding.RoundingOptions;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.tensor.AffineTensor;
import dev.nibble.core.tensor.CodebookLayout;
import dev.nibble.core.tensor.CodebookPacker;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** One step of one weight: budgets, trust, and the theory on a convex toy. */
class CodeMoverTest {
  private static final ArrayAdam.Rule ADAM = new ArrayAdam.Rule(1e-3, 0.9, 0.95, 1e-8, false);

  private static float[] gaussian(int n, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] out = new float[n];
    for (int i = 0; i < n; i++) {
      out[i] = (float) random.nextGaussian();
    }
    return out;
  }

  private static QuantizedWeight codebooks() {
    CodebookLayout layout = CodebookLayout.additive(2, 4, 4);
    SplittableRandom random = new SplittableRandom(1);
    float[] scales = new float[20];
    java.util.Arrays.fill(scales, 0.5f);
    return new CodebookWeight(
        CodebookPacker.pack(
            new long[] {20, 30},
            layout,
            random.ints(20L * layout.codes(30), 0, 16).toArray(),
            gaussian((int) layout.elements(), 2),
            scales,
            null),
        ADAM);
  }

  private static GridWeight grid(float[] w, String spec) {
    long[] shape = {1, w.length};
    return new GridWeight(
        (AffineTensor)
            RoundToNearest.quantize(w, shape, QuantSpec.parse(spec), RoundingOptions.DEFAULT),
        ADAM);
  }

  private static PvOptions options(ObjectNode node) {
    return PvOptions.from(new OptionReader("test", node));
  }

  private static ObjectNode node() {
    return JsonNodeFactory.instance.objectNode();
  }

  @ParameterizedTest
  @ValueSource(doubles = {0, 0.001, 0.03, 0.5, 1})
  void noMoreGroupsChangeThanAllowed(double share) {
    ObjectNode node = node().put("max_code_change_per_step", share).put("code_lr", 0.5);
    CodeMover mover = new CodeMover(codebooks(), options(node));
    int groups = mover.weight().groups();
    for (int step = 0; step < 3; step++) {
      int changed = mover.step(gaussian(600, 30 + step), step);
      assertThat(changed).isLessThanOrEqualTo((int) Math.ceil(share * groups));
      if (share >= 0.03) {
        assertThat(changed).isPositive();
      }
    }
  }

  @Test
  void changesStayWithinTheTrustRatioButOneIsAlwaysTaken() {
    ObjectNode node = node().put("max_code_change_per_step", 1).put("code_lr", 0.5);
    float[] gradient = gaussian(600, 8);
    CodeMover free = new CodeMover(codebooks(), options(node.deepCopy()));
    CodeMover bound =
        new CodeMover(codebooks(), options(node.deepCopy().put("code_trust_ratio", 0.1)));
    CodeMover least =
        new CodeMover(codebooks(), options(node.deepCopy().put("code_trust_ratio", 1e-6)));
    ObjectNode still = node().put("max_code_change_per_step", 0);
    CodeMover values = new CodeMover(codebooks(), options(still));
    values.step(gradient, 1);
    float[] before = values.weight().value();
    assertThat(free.step(gradient, 1)).isGreaterThan(bound.step(gradient, 1));
    assertThat(distance(before, bound.weight().value())).isLessThan(0.1 * norm(before) * 1.001);
    assertThat(least.step(gradient, 1)).isEqualTo(1);
  }

  private static double distance(float[] a, float[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += Math.pow(a[i] - b[i], 2);
    }
    return Math.sqrt(sum);
  }

  private static double norm(float[] a) {
    return distance(a, new float[a.length]);
  }

  @Test
  void forcedCodesAreNeverThePresentOnes() {
    ObjectNode node =
        node()
            .put("max_code_change_per_step", 0.2)
            .put("force_code_update", true)
            .put("code_lr", 0);
    CodeMover mover = new CodeMover(codebooks(), options(node));
    assertThat(mover.step(gaussian(600, 4), 1))
        .isEqualTo((int) Math.ceil(0.2 * mover.weight().groups()));
  }

  /** A weight of one group still moves. */
  @Test
  void oneGroupIsEnough() {
    GridWeight weight = grid(new float[] {0.7f}, "int2:channel:asym");
    ObjectNode node = node().put("code_lr", 1).put("lamb", false);
    node.put("update_codebooks_and_scales", false);
    CodeMover mover = new CodeMover(weight, options(node));
    assertThat(mover.step(new float[] {1f}, 1)).isEqualTo(1);
  }

  /**
   * Sheet 31, acceptance 3: on {@code ½‖Ax − b‖²} with four values, an exact step of one coordinate
   * never raises the loss and does change codes; a step that is safe for all at once changes none.
   */
  @Test
  void smallSubspacesDescendWhereTheWholeStandsStill() {
    int n = 24;
    double[][] gram = new double[n][n];
    double[] linear = new double[n];
    float[] noise = gaussian(n * 40, 5);
    for (int k = 0; k < 40; k++) {
      for (int i = 0; i < n; i++) {
        linear[i] += (noise[k * n + i] + 3) * gaussian(1, k)[0];
        for (int j = 0; j < n; j++) {
          gram[i][j] += (noise[k * n + i] + 3) * (noise[k * n + j] + 3);
        }
      }
    }
    GridWeight weight = grid(gaussian(n, 7), "int2:channel:asym");
    double whole = 0;
    for (int i = 0; i < n; i++) {
      double sum = 0;
      for (int j = 0; j < n; j++) {
        sum += Math.abs(gram[i][j]);
      }
      whole = Math.max(whole, sum); // no smaller than the largest eigenvalue
    }
    float[] x = weight.value();
    double[] slope = slope(gram, linear, x);
    float[] naive = new float[n];
    int[] all = new int[n];
    for (int i = 0; i < n; i++) {
      naive[i] = (float) (x[i] - slope[i] / whole);
      all[i] = i;
    }
    QuantizedWeight.Choice nearest = new QuantizedWeight.Choice(1, false, false, 0);
    int[][] codes = weight.propose(all, naive, nearest);
    double before = loss(gram, linear, x);
    for (int i = 0; i < n; i++) {
      assertThat(weight.accept(i, codes[i])).isFalse();
    }
    int changed = 0;
    for (int step = 0; step < 3 * n; step++) {
      int i = step % n;
      x = weight.value();
      float[] aim = x.clone();
      aim[i] = (float) (x[i] - slope(gram, linear, x)[i] / gram[i][i]);
      changed += weight.accept(i, weight.propose(new int[] {i}, aim, nearest)[0]) ? 1 : 0;
      double after = loss(gram, linear, weight.value());
      assertThat(after).isLessThanOrEqualTo(before + 1e-4 * Math.abs(before));
      before = after;
    }
    assertThat(changed).isPositive();
  }

  private static double[] slope(double[][] gram, double[] linear, float[] x) {
    double[] out = new double[x.length];
    for (int i = 0; i < x.length; i++) {
      out[i] = -linear[i];
      for (int j = 0; j < x.length; j++) {
        out[i] += gram[i][j] * x[j];
      }
    }
    return out;
  }

  private static double loss(double[][] gram, double[] linear, float[] x) {
    double[] slope = slope(gram, linear, x);
    double sum = 0;
    for (int i = 0; i < x.length; i++) {
      sum += x[i] * (slope[i] - linear[i]) / 2;
    }
    return sum;
  }

  @Test
  void theLargestAreChosenInOrder() {
    assertThat(CodeMover.largest(new double[] {1, 5, 5, 2, 7}, 3)).containsExactly(4, 1, 2);
    assertThat(CodeMover.largest(new double[] {0, 0, 0}, 2)).containsExactly(0, 1);
    assertThat(CodeMover.largest(new double[] {1}, 0)).isEmpty();
  }

  @Test
  void gridsKeepTheirValuesWhenStoredAgain() {
    GridWeight weight = grid(gaussian(70, 3), "int3:g16:asym");
    assertThat(weight.pack().toFloats()).isEqualTo(weight.value());
    assertThat((double) weight.value()[3]).isCloseTo(gaussian(70, 3)[3], within(0.5));
  }
}
