package dev.nibble.core.rounding;

import dev.nibble.core.format.Binary;
import dev.nibble.core.format.NumberFormat;
import dev.nibble.core.format.Ternary;
import dev.nibble.core.spec.Granularity;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.spec.ScaleFormat;
import java.util.Arrays;

/**
 * Chooses the scale of one group of a level table.
 *
 * <ul>
 *   <li>Blocks: {@code 2^(floor(log2 A) - emax)}, A the largest magnitude, emax the exponent of the
 *       greatest level (OCP MX 1.0, section 6.3). Values beyond the greatest level saturate; with
 *       {@link Clip#MSE} the next power of two is tried too.
 *   <li>Binary: the mean magnitude, which is the least-squares optimum for the codes' signs.
 *   <li>Ternary: the exact least-squares optimum over thresholds; with the magnitudes in falling
 *       order it is the mean of the first k, k maximizing {@code (Σ first k)²/k}.
 *   <li>Else the smallest scale under which nothing saturates, shortened by {@link Clip#MSE}.
 * </ul>
 */
public final class LevelScale {
  /** Keeps a tensor scale to 20 bits, so that products with 4-bit float levels are exact. */
  private static final int COARSE = ~0xf;

  private LevelScale() {}

  /**
   * The scale of the whole tensor that a spec with e4m3 scales needs, {@code A/(448·greatest
   * level)} rounded up to 20 significant bits (NVFP4); 1 for every other spec and for a tensor of
   * zeros.
   */
  public static float ofTensor(float[] w, QuantSpec spec) {
    if (spec.scaleFormat() != ScaleFormat.E4M3) {
      return 1f;
    }
    double ideal = reach(w, 0, w.length, spec.format()) / 448;
    if (ideal < Float.MIN_NORMAL) {
      return ideal == 0 ? 1f : Float.MIN_NORMAL;
    }
    int bits = Float.floatToRawIntBits(Math.nextUp((float) ideal));
    return Float.intBitsToFloat((bits + ~COARSE) & COARSE);
  }

  /**
   * The scale of {@code w[from .. to)} in its stored format. Values are then {@code scale *
   * tensorScale * level}. Positive, but for groups of zeros of a format without a zero level, which
   * get 0.
   */
  public static float fit(
      float[] w, int from, int to, QuantSpec spec, float tensorScale, RoundingOptions options) {
    NumberFormat format = spec.format();
    double reach = reach(w, from, to, format);
    if (reach == 0) {
      return format instanceof Binary ? 0f : spec.scaleFormat().round(1);
    }
    double unit = tensorScale;
    if (spec.granularity() == Granularity.BLOCK) {
      return block(w, from, to, spec, options);
    }
    return switch (format) {
      case Binary b -> spec.scaleFormat().round(meanMagnitude(w, from, to) / unit);
      case Ternary t -> spec.scaleFormat().round(ternary(w, from, to) / unit);
      default ->
          options.clip() == Clip.NONE
              ? spec.scaleFormat().round(reach / unit)
              : search(w, from, to, spec, tensorScale, reach / unit, options.clipNorm());
    };
  }

  /** Smallest scale under which no value lies beyond the extreme levels. */
  private static double reach(float[] w, int from, int to, NumberFormat format) {
    float lo = 0f;
    float hi = 0f;
    for (int i = from; i < to; i++) {
      lo = Math.min(lo, w[i]);
      hi = Math.max(hi, w[i]);
    }
    double up = format.highest() > 0 ? (double) hi / format.highest() : 0;
    double down = format.lowest() < 0 ? (double) lo / format.lowest() : 0;
    return Math.max(up, down);
  }

  private static float block(float[] w, int from, int to, QuantSpec spec, RoundingOptions options) {
    float largest = 0f;
    for (int i = from; i < to; i++) {
      largest = Math.max(largest, Math.abs(w[i]));
    }
    int exponent = Math.getExponent((double) largest) - Math.getExponent(spec.format().highest());
    float floor = spec.scaleFormat().round(Math.scalb(1.0, exponent));
    if (options.clip() == Clip.NONE) {
      return floor;
    }
    float above = spec.scaleFormat().round(Math.scalb(1.0, exponent + 1));
    float[] ordered = ClipSearch.largestFirst(w, from, to);
    double norm = options.clipNorm();
    double least = error(ordered, spec.format(), floor, norm, Double.POSITIVE_INFINITY);
    return error(ordered, spec.format(), above, norm, least) < least ? above : floor;
  }

  private static double meanMagnitude(float[] w, int from, int to) {
    double sum = 0;
    for (int i = from; i < to; i++) {
      sum += Math.abs(w[i]);
    }
    return sum / (to - from);
  }

  private static double ternary(float[] w, int from, int to) {
    float[] magnitudes = Arrays.copyOfRange(w, from, to);
    for (int i = 0; i < magnitudes.length; i++) {
      magnitudes[i] = Math.abs(magnitudes[i]);
    }
    Arrays.sort(magnitudes);
    double best = 0;
    double scale = 0;
    double sum = 0;
    for (int k = 1; k <= magnitudes.length; k++) {
      sum += magnitudes[magnitudes.length - k];
      double gain = sum * sum / k;
      if (gain > best) {
        best = gain;
        scale = sum / k;
      }
    }
    return scale;
  }

  private static float search(
      float[] w, int from, int to, QuantSpec spec, float tensorScale, double ideal, double norm) {
    ScaleFormat stored = spec.scaleFormat();
    float[] ordered = ClipSearch.largestFirst(w, from, to);
    double p =
        ClipSearch.best(
            (q, bound) -> {
              float scale = stored.round(q * ideal) * tensorScale;
              return error(ordered, spec.format(), scale, norm, bound);
            });
    return stored.round(p * ideal);
  }

  /** Sum of |ŵ - w|^norm; stops early once it cannot fall below {@code bound} any more. */
  private static double error(
      float[] w, NumberFormat format, float scale, double norm, double bound) {
    double sum = 0;
    for (int i = 0; i < w.length && sum < bound; i++) {
      double value = (double) scale * format.decode(format.encode(w[i] / scale));
      sum += ClipSearch.power(value - w[i], norm);
    }
    return sum;
  }
}
