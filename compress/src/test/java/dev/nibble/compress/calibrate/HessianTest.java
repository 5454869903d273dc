package dev.nibble.compress.calibrate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.models.Torch;
import java.util.SplittableRandom;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;

class HessianTest {
  private static final int IN = 5;

  private static float[] inputs(int vectors, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] out = new float[vectors * IN];
    for (int i = 0; i < out.length; i++) {
      out[i] = (float) random.nextGaussian();
    }
    return out;
  }

  private static boolean add(Hessian hessian, float[] x, int sequences) {
    int length = x.length / IN / sequences;
    try (Tensor input = Torch.fromFloats(x, sequences, length, IN);
        Tensor product = Hessian.product(input)) {
      return hessian.add(product, sequences, (long) sequences * length);
    }
  }

  private static double[] matrix(Hessian hessian) {
    try (Tensor matrix = hessian.matrix()) {
      return Torch.toDoubles(matrix);
    }
  }

  @Test
  void isTwiceTheMeanOverSequencesOfTheSecondMoments() {
    float[] first = inputs(6, 1);
    float[] second = inputs(3, 2);
    try (Hessian hessian = new Hessian(IN)) {
      add(hessian, first, 2);
      add(hessian, second, 1);
      double[] found = matrix(hessian);
      for (int i = 0; i < IN; i++) {
        for (int j = 0; j < IN; j++) {
          double sum = 0;
          for (float[] x : new float[][] {first, second}) {
            for (int t = 0; t < x.length / IN; t++) {
              sum += (double) x[t * IN + i] * x[t * IN + j];
            }
          }
          assertThat(found[i * IN + j]).isCloseTo(2.0 / 3 * sum, within(1e-5));
        }
      }
      assertThat(hessian.tokens()).isEqualTo(9);
    }
  }

  @Test
  void mergesOverShards() {
    try (Hessian whole = new Hessian(IN);
        Hessian left = new Hessian(IN);
        Hessian right = new Hessian(IN)) {
      add(whole, inputs(6, 1), 2);
      add(whole, inputs(3, 2), 1);
      add(left, inputs(6, 1), 2);
      add(right, inputs(3, 2), 1);
      left.merge(right);
      assertThat(matrix(left)).isEqualTo(matrix(whole));
      assertThat(left.tokens()).isEqualTo(whole.tokens());
    }
  }

  @Test
  void leavesOutWhatIsNotFinite() {
    try (Hessian hessian = new Hessian(IN)) {
      float[] bad = inputs(4, 1);
      bad[7] = Float.NaN;
      assertThat(add(hessian, bad, 1)).isFalse();
      assertThat(matrix(hessian)).containsOnly(0.0);
      assertThat(hessian.tokens()).isZero();
    }
  }

  @Test
  void freesItsNativeMemory() {
    long before = Torch.liveObjects();
    for (int i = 0; i < 5; i++) {
      try (Hessian hessian = new Hessian(IN)) {
        add(hessian, inputs(4, i), 1);
        matrix(hessian);
      }
    }
    assertThat(Torch.liveObjects()).isEqualTo(before);
  }
}
