package dev.nibble.core.rounding;

import dev.nibble.core.spec.ScaleFormat;

/**
 * One binary layer: {@code mean - magnitude} for code 0 and {@code mean + magnitude} for code 1.
 * Both numbers are values of their stored format.
 *
 * @param mean centre; 0 for a layer without one
 * @param magnitude at least 0
 */
public record BinaryGrid(float mean, float magnitude) implements CodeGrid {

  /** What an empty set of weights gets. */
  public static final BinaryGrid EMPTY = new BinaryGrid(0, 0);

  /**
   * The layer of least squared error on {@code w[from .. to)}: the mean, and the mean distance from
   * it (sheet 12e, step 1). With both rounded to the stored format, the distance from the rounded
   * mean.
   *
   * @param centred with a mean; else around 0
   */
  public static BinaryGrid fit(
      float[] w, int from, int to, boolean centred, ScaleFormat scaleFormat) {
    if (from == to) {
      return EMPTY;
    }
    double sum = 0;
    for (int i = from; centred && i < to; i++) {
      sum += w[i];
    }
    float mean = scaleFormat.roundSigned(sum / (to - from));
    double distance = 0;
    for (int i = from; i < to; i++) {
      distance += Math.abs((double) w[i] - mean);
    }
    return new BinaryGrid(mean, scaleFormat.roundSigned(distance / (to - from)));
  }

  /** 1 for values from the mean upwards. */
  @Override
  public int code(float w) {
    return w >= mean ? 1 : 0;
  }

  @Override
  public float value(int code) {
    return code == 0 ? mean - magnitude : mean + magnitude;
  }
}
