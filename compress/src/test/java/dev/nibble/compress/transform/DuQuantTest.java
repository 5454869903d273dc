package dev.nibble.compress.transform;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.core.op.ActivationQuant;
import dev.nibble.core.op.OnlineTransform;
import dev.nibble.models.OnlineTransforms;
import dev.nibble.models.Torch;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The acceptance list of sheet 21a, for the step duquant. */
class DuQuantTest {
  private static final int TOKENS = 64;
  private static final int WIDTH = 512;
  private static final int BLOCK = 128;

  private static DuQuant step(
      int permutations, DuQuantOptions.Permutation permutation, DuQuantOptions.Rotation rotation) {
    return new DuQuant(
        new DuQuantOptions(BLOCK, 256, permutations, permutation, rotation, TOKENS, 1));
  }

  private static DuQuant full() {
    return step(1, DuQuantOptions.Permutation.ZIGZAG, DuQuantOptions.Rotation.GREEDY);
  }

  private static float[] gaussians(int n, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] out = new float[n];
    for (int i = 0; i < n; i++) {
      out[i] = (float) random.nextGaussian();
    }
    return out;
  }

  /** One massive value and four channels of outliers. */
  private static float[] planted() {
    float[] x = gaussians(TOKENS * WIDTH, 1);
    for (int t = 0; t < TOKENS; t++) {
      for (int c : new int[] {17, 140, 141, 500}) {
        x[t * WIDTH + c] *= 30;
      }
    }
    x[5 * WIDTH + 300] = 1000;
    return x;
  }

  private static float[] transformed(DuQuant step, float[] x) {
    return Torch.scope(
        () -> {
          Tensor tokens = Torch.fromFloats(x, TOKENS, WIDTH);
          Tensor out = tokens;
          for (OnlineTransform map : step.maps(tokens, 7)) {
            out = OnlineTransforms.apply(map, out);
          }
          return Torch.toFloats(out);
        });
  }

  /** Mean squared error of per-token rounding to 4 bits, the same for any rotated basis. */
  private static double error(float[] x) {
    float[] q = x.clone();
    ActivationQuant.perToken(4).fakeQuantize(q, 0, TOKENS, WIDTH);
    double sum = 0;
    for (int i = 0; i < x.length; i++) {
      sum += Math.pow((double) x[i] - q[i], 2);
    }
    return sum / x.length;
  }

  private static double peak(float[] x) {
    double top = 0;
    for (float v : x) {
      top = Math.max(top, Math.abs(v));
    }
    return top;
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 7, 128})
  void theBaseRotationSpreadsItsFirstCoordinateEvenly(int block) {
    double[] r = GreedyRotation.base(block, 4);
    for (int i = 0; i < block; i++) {
      for (int j = 0; j < block; j++) {
        double dot = 0;
        for (int k = 0; k < block; k++) {
          dot += r[i * block + k] * r[j * block + k];
        }
        assertThat(dot).isCloseTo(i == j ? 1 : 0, within(1e-9));
      }
      // a row vector e₀ R is the first row of R
      assertThat(Math.abs(peakOfRow(r, block))).isCloseTo(1 / Math.sqrt(block), within(1e-9));
    }
  }

  private static double peakOfRow(double[] r, int block) {
    double top = 0;
    for (int j = 0; j < block; j++) {
      top = Math.max(top, Math.abs(r[j]));
    }
    return top;
  }

  /** Acceptance 1: the product of a transformed input and weight is that of the plain ones. */
  @Test
  void mapsAreOrthogonalUpToHalfPrecision() {
    float[] before = planted();
    float[] after = transformed(full(), before);
    for (int t = 0; t < TOKENS; t++) {
      double a = 0;
      double b = 0;
      for (int c = 0; c < WIDTH; c++) {
        a += Math.pow(before[t * WIDTH + c], 2);
        b += Math.pow(after[t * WIDTH + c], 2);
      }
      assertThat(b / a).isCloseTo(1, within(2e-3));
    }
    GreedyRotation.Choice choice =
        Torch.scope(
            () ->
                new GreedyRotation(BLOCK, 7).choose(Torch.fromFloats(before, TOKENS, WIDTH), 256));
    double[] r = choice.matrix();
    for (int i = 0; i < BLOCK; i += 9) {
      for (int j = 0; j < BLOCK; j++) {
        double dot = 0;
        for (int k = 0; k < BLOCK; k++) {
          dot += r[i * BLOCK + k] * r[j * BLOCK + k];
        }
        assertThat(dot).isCloseTo(i == j ? 1 : 0, within(1e-5));
      }
    }
    assertThat(choice.after()).isLessThan(choice.before() / 4);
  }

  /** Acceptance 2. */
  @Test
  void plantedOutliersAreSpread() {
    float[] before = planted();
    float[] after = transformed(full(), before);
    assertThat(peak(after)).isLessThan(peak(before) / 5);
    assertThat(error(after)).isLessThan(error(before) / 1.8);
  }

  /** Claim: rotation and permutation beat rotation alone, which beats permutation alone. */
  @Test
  void eachPartHelps() {
    float[] before = planted();
    double both = error(transformed(full(), before));
    double rotated =
        error(
            transformed(
                step(0, DuQuantOptions.Permutation.NONE, DuQuantOptions.Rotation.GREEDY), before));
    double permuted =
        error(
            transformed(
                step(1, DuQuantOptions.Permutation.ZIGZAG, DuQuantOptions.Rotation.NONE), before));
    assertThat(both).isLessThan(rotated);
    assertThat(rotated).isLessThan(permuted);
    assertThat(permuted)
        .as("an order changes nothing by itself")
        .isCloseTo(error(before), within(1e-6));
  }

  /** Acceptance 3. */
  @Test
  void zigzagEvensTheBlocks() {
    SplittableRandom random = new SplittableRandom(3);
    double[] maxima = new double[WIDTH];
    for (int j = 0; j < WIDTH; j++) {
      maxima[j] = Math.exp(1.5 * random.nextGaussian());
    }
    int[] source = ChannelDeal.zigzag(maxima, BLOCK);
    assertThat(Arrays.stream(source).sorted().toArray())
        .isEqualTo(java.util.stream.IntStream.range(0, WIDTH).toArray());
    double[] dealt = Arrays.stream(source).mapToDouble(j -> maxima[j]).toArray();
    assertThat(spread(dealt)).isLessThan(spread(maxima) / 3);
    for (int j = 1; j < BLOCK; j++) {
      assertThat(dealt[j]).isLessThanOrEqualTo(dealt[j - 1]);
    }
  }

  /** Standard deviation of the block means. */
  private static double spread(double[] values) {
    double[] means = new double[values.length / BLOCK];
    for (int i = 0; i < values.length; i++) {
      means[i / BLOCK] += values[i] / BLOCK;
    }
    double mean = Arrays.stream(means).average().orElseThrow();
    return Math.sqrt(
        Arrays.stream(means).map(m -> (m - mean) * (m - mean)).average().orElseThrow());
  }

  /** Acceptance 4: no harm where there is nothing to do. */
  @Test
  void flatInputsStayAsGood() {
    float[] flat = new float[TOKENS * WIDTH];
    for (int i = 0; i < flat.length; i++) {
      flat[i] = (i * 31) % 7 % 2 == 0 ? 1 : -1;
    }
    List<OnlineTransform> maps =
        Torch.scope(
            () ->
                step(0, DuQuantOptions.Permutation.NONE, DuQuantOptions.Rotation.GREEDY)
                    .maps(Torch.fromFloats(flat, TOKENS, WIDTH), 7));
    assertThat(maps).isEmpty();
    float[] x = gaussians(TOKENS * WIDTH, 9);
    assertThat(error(transformed(full(), x))).isLessThan(error(x) * 1.01);
  }

  @Test
  void widthsThatTheBlockDoesNotDivideTakeADivisor() {
    DuQuantOptions options = DuQuantOptions.DEFAULT;
    assertThat(options.block(512)).isEqualTo(128);
    assertThat(options.block(576)).isEqualTo(96);
    assertThat(options.block(44)).isEqualTo(44);
    assertThat(options.block(131)).isEqualTo(1);
  }
}
