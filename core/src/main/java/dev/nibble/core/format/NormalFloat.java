package dev.nibble.core.format;

/**
 * Quantiles of the standard normal scaled to [-1, 1] (QLoRA, Dettmers et al. 2023, section 3): with
 * {@code δ = ½(1/2^(k+1) + 1/(2·(2^k - 1)))}, {@code 2^(k-1)} positive levels {@code Φ⁻¹} of equal
 * steps from ½ to {@code 1 - δ}, zero, and {@code 2^(k-1) - 1} negative levels likewise; all
 * divided by {@code Φ⁻¹(1 - δ)}. Codes ascend with the value. The 4-bit levels are the published
 * fp32 constants, so that existing checkpoints read back exactly.
 */
public final class NormalFloat extends NumberFormat {
  /** The levels of existing checkpoints, up to 8 ulp off the formula evaluated in double. */
  private static final float[] PUBLISHED = {
    -1f, -0.6961928f, -0.52507305f, -0.3949175f, -0.28444138f, -0.18477343f, -0.091050036f, 0f,
    0.0795803f, 0.1609302f, 0.2461123f, 0.33791524f, 0.44070983f, 0.562617f, 0.72295684f, 1f
  };

  /**
   * @param bits 2 to 8
   */
  public NormalFloat(int bits) {
    super("nf" + bits, bits, bits == 4 ? PUBLISHED.clone() : quantiles(bits));
  }

  /** The formula in double precision. */
  static float[] quantiles(int bits) {
    if (bits < 2 || bits > 8) {
      throw new IllegalArgumentException("normal floats have 2 to 8 bits, not " + bits);
    }
    int half = 1 << (bits - 1);
    double delta = 0.5 * (1.0 / (4 * half) + 1.0 / (2 * (2 * half - 1)));
    double span = 0.5 - delta;
    double unit = normalQuantile(0.5 + span);
    float[] levels = new float[2 * half];
    for (int i = 1; i <= half; i++) {
      levels[half - 1 + i] = (float) (normalQuantile(0.5 + span * i / half) / unit);
    }
    for (int i = 1; i < half; i++) {
      levels[half - 1 - i] = (float) (-normalQuantile(0.5 + span * i / (half - 1)) / unit);
    }
    return levels;
  }

  /**
   * Newton's method on Φ for {@code p} in [½, 1): Φ is concave there, so the iterates rise
   * monotonically from 0.
   */
  private static double normalQuantile(double p) {
    double x = 0;
    for (int i = 0; i < 60; i++) {
      double density = Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
      double step = (p - 0.5 - density * oddSeries(x)) / density;
      x += step;
      if (Math.abs(step) < 1e-15) {
        break;
      }
    }
    return x;
  }

  /** {@code Σ x^(2n+1) / (1·3·…·(2n+1))}, which times the density is Φ(x) - ½. */
  private static double oddSeries(double x) {
    double term = x;
    double sum = x;
    for (int n = 3; Math.abs(term) > sum * 1e-18; n += 2) {
      term *= x * x / n;
      sum += term;
    }
    return sum;
  }
}
