package dev.nibble.core.rounding;

import dev.nibble.core.format.FloatFormat;
import dev.nibble.core.format.NumberFormat;
import dev.nibble.core.spec.Granularity;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.tensor.TablePacker;
import dev.nibble.core.tensor.TableTensor;

/**
 * Round-to-nearest on level tables. The scale of a group is {@code A / maxMagnitude}, A its largest
 * magnitude; of a block {@code 2^(floor(log2 A) - emax)} (OCP MX 1.0, section 6.3, the "floor"
 * rule), under which values beyond the largest level saturate.
 */
final class TableRounding {
  private static final int SHRINK_STEPS = 80;
  private static final double SHRINK_GRID = 100;

  private final float[] w;
  private final long[] shape;
  private final int columns;
  private final QuantSpec spec;
  private final RoundingOptions options;
  private final NumberFormat format;

  TableRounding(float[] w, long[] shape, int columns, QuantSpec spec, RoundingOptions options) {
    this.w = w;
    this.shape = shape;
    this.columns = columns;
    this.spec = spec;
    this.options = options;
    this.format = spec.format();
  }

  TableTensor pack() {
    byte[] codes = new byte[w.length];
    int rows = columns == 0 ? 0 : w.length / columns;
    float[] scales = new float[Math.toIntExact(spec.scaleCount(rows, columns))];
    int width = spec.groupColumns(columns);
    int group = 0;
    for (int row = 0; row < w.length; row += columns) {
      for (int c = 0; c < columns; c += width) {
        int from = row + c;
        int to = row + Math.min(columns, c + width);
        float scale = scale(from, to);
        scales[group++] = scale;
        for (int i = from; i < to; i++) {
          codes[i] = (byte) format.encode(w[i] / scale);
        }
      }
    }
    return TablePacker.pack(shape, spec, codes, scales);
  }

  private float scale(int from, int to) {
    float largest = 0f;
    for (int i = from; i < to; i++) {
      largest = Math.max(largest, Math.abs(w[i]));
    }
    if (largest == 0f) {
      return spec.scaleFormat().round(1);
    }
    if (spec.granularity() == Granularity.BLOCK) {
      int exponent = Math.getExponent((double) largest) - maxExponent();
      return spec.scaleFormat().round(Math.scalb(1.0, exponent));
    }
    double ideal = largest / (double) format.maxMagnitude();
    return options.clip() == Clip.NONE ? spec.scaleFormat().round(ideal) : search(from, to, ideal);
  }

  private int maxExponent() {
    return format instanceof FloatFormat f
        ? f.maxExponent()
        : Math.getExponent(format.maxMagnitude());
  }

  private float search(int from, int to, double ideal) {
    float best = spec.scaleFormat().round(ideal);
    double least = error(from, to, best, Double.POSITIVE_INFINITY);
    for (int i = 1; i < SHRINK_STEPS; i++) {
      float scale = spec.scaleFormat().round(ideal * (1 - i / SHRINK_GRID));
      double error = error(from, to, scale, least);
      if (error < least) {
        least = error;
        best = scale;
      }
    }
    return best;
  }

  private double error(int from, int to, float scale, double bound) {
    double sum = 0;
    for (int i = from; i < to && sum < bound; i++) {
      double value = scale * format.decode(format.encode(w[i] / scale));
      sum += Math.pow(Math.abs(value - w[i]), options.clipNorm());
    }
    return sum;
  }
}
