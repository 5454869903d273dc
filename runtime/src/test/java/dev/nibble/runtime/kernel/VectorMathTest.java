package dev.nibble.runtime.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

class VectorMathTest {
  private static float[] grid(int n, double from, double to) {
    float[] x = new float[n];
    for (int i = 0; i < n; i++) {
      x[i] = (float) (from + (to - from) * i / (n - 1));
    }
    return x;
  }

  @Test
  void softmaxAgreesWithDoubles() {
    for (int n : new int[] {1, 3, 8, 17, 100}) {
      float[] a = grid(n + 2 + Lanes.WIDTH, -9, 7);
      float[] p = a.clone();
      float max = VectorMath.scaled(p, 1, n, 0.7f, -0.25f, 1 - n);
      VectorMath.scale(p, 1, n, 1 / VectorMath.exponentials(p, 1, n, max));
      double sum = 0;
      for (int i = 0; i < n; i++) {
        sum += Math.exp(0.7f * a[1 + i] - 0.25 * (i - n + 1));
      }
      for (int i = 0; i < n; i++) {
        double want = Math.exp(0.7f * a[1 + i] - 0.25 * (i - n + 1)) / sum;
        assertThat((double) p[1 + i]).isEqualTo(want, within(2e-6 * want + 1e-30));
      }
      assertThat(p[0]).isEqualTo(a[0]);
      int whole = 1 + (n + Lanes.WIDTH - 1) / Lanes.WIDTH * Lanes.WIDTH;
      assertThat(Arrays.copyOfRange(p, n + 1, whole)).containsOnly(0f);
      assertThat(p[whole]).isEqualTo(a[whole]);
    }
  }

  @Test
  void activationsAgreeWithDoubles() {
    float[] x = grid(1003, -30, 30);
    float[] silu = x.clone();
    float[] tanh = x.clone();
    float[] gelu = x.clone();
    VectorMath.silu(silu, 0, x.length);
    VectorMath.geluTanh(tanh, 0, x.length);
    VectorMath.gelu(gelu, 0, x.length);
    for (int i = 0; i < x.length; i++) {
      double v = x[i];
      assertThat((double) silu[i])
          .isEqualTo(v / (1 + Math.exp(-v)), within(1e-6 + 1e-6 * Math.abs(v)));
      double u = Math.sqrt(2 / Math.PI) * (v + 0.044715 * v * v * v);
      assertThat((double) tanh[i])
          .isEqualTo(0.5 * v * (1 + Math.tanh(u)), within(1e-6 + 1e-6 * Math.abs(v)));
      assertThat((double) gelu[i])
          .isEqualTo(0.5 * v * (1 + erf(v / Math.sqrt(2))), within(1e-6 + 1e-6 * Math.abs(v)));
    }
  }

  /** Simpson's rule on the definition. */
  private static double erf(double x) {
    int steps = 2000;
    double h = x / steps;
    double sum = 0;
    for (int i = 0; i <= steps; i++) {
      double w = i == 0 || i == steps ? 1 : i % 2 == 1 ? 4 : 2;
      sum += w * Math.exp(-i * h * i * h);
    }
    return sum * h / 3 * 2 / Math.sqrt(Math.PI);
  }
}
