package dev.nibble.core.format;

/**
 * Quantiles of the standard normal scaled to [-1, 1] (QLoRA, Dettmers et al. 2023, section 3): with
 * {@code δ = ½(1/2^(k+1) + 1/(2·(2^k - 1)))}, {@code 2^(k-1)} positive levels {@code Φ⁻¹} of equal
 * steps from ½ to {@code 1 - δ}, zero, and {@code 2^(k-1) - 1} negative levels likewise; all
 * divided by {@code Φ⁻¹(1 - δ)}. Codes ascend with the value. Equals the published 4-bit constants
 * to fp32 precision.
 */
public final class NormalFloat extends NumberFormat {

  /**
   * @param bits 2 to 8
   */
  public NormalFloat(int bits) {
    super("nf" + bits, bits, quantiles(bits));
  }

  private static float[] quantiles(int bits) {
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
