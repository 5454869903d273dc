package dev.nibble.core.rounding;

import dev.nibble.core.spec.ScaleFormat;

/**
 * One group's integer grid: {@code value(code) = scale * (code - zero)}, codes unsigned as in
 * {@link dev.nibble.core.tensor.AffineTensor}. The scale is already a value of its stored format,
 * and zero and codes follow from it (sheet 12a, step 7), so what is evaluated is what is stored.
 *
 * @param scale positive, finite
 * @param zero code of the value 0; the fixed middle code for symmetric flavours
 * @param lowCode smallest code that is used
 * @param highCode largest code that is used
 */
public record AffineGrid(float scale, int zero, int lowCode, int highCode) implements CodeGrid {
  private static final double AWQ_LEAST_RANGE = 1e-5;

  /**
   * The grid of a group whose values span {@code [lo, hi]}. A group of zeros gets the grid of
   * {@code [-1, 1]}, in which it is exact.
   *
   * @param lo smallest value, finite
   * @param hi largest value, finite, {@code >= lo}
   * @param bits 1 to 8; symmetric flavours need 2
   * @throws IllegalArgumentException for other bits or a range that is empty or not finite
   */
  public static AffineGrid fit(
      float lo, float hi, int bits, GridFlavour flavour, ScaleFormat scaleFormat) {
    if (!(lo <= hi) || Float.isInfinite(lo) || Float.isInfinite(hi)) {
      throw new IllegalArgumentException("no grid spans " + lo + " to " + hi);
    }
    if (bits < (flavour.symmetric() ? 2 : 1) || bits > 8) {
      throw new IllegalArgumentException("no " + flavour + " grid has " + bits + " bits");
    }
    int top = (1 << bits) - 1;
    if (flavour.symmetric()) {
      return symmetric(Math.max(Math.abs(lo), Math.abs(hi)), bits, flavour, scaleFormat);
    }
    if (flavour == GridFlavour.AWQ) {
      double range = Math.max((double) hi - lo, AWQ_LEAST_RANGE);
      return asymmetric(lo, scaleFormat.round(range / top), top);
    }
    double low = Math.min(0f, lo);
    double high = Math.max(0f, hi);
    if (low == high) {
      low = -1;
      high = 1;
    }
    return asymmetric((float) low, scaleFormat.round((high - low) / top), top);
  }

  private static AffineGrid asymmetric(float low, float scale, int top) {
    int zero = (int) Math.clamp(Math.rint(-low / scale), 0, top);
    return new AffineGrid(scale, zero, 0, top);
  }

  private static AffineGrid symmetric(
      float magnitude, int bits, GridFlavour flavour, ScaleFormat scaleFormat) {
    double reach = magnitude == 0f ? 1 : magnitude;
    int top = (1 << bits) - 1;
    int zero = 1 << (bits - 1);
    double ideal = flavour == GridFlavour.SYM_FULL ? 2 * reach / top : reach / (zero - 1);
    int lowCode = flavour == GridFlavour.SYM_NARROW ? 1 : 0;
    return new AffineGrid(scaleFormat.round(ideal), zero, lowCode, top);
  }

  /** Code of the nearest value of the grid, ties to the even multiple of the scale. */
  @Override
  public int code(float w) {
    // clamped after the zero-point is added; in double, where no finite w/scale overflows
    return (int) Math.min(Math.max(Math.rint(w / scale) + zero, lowCode), highCode);
  }

  @Override
  public float value(int code) {
    return scale * (code - zero);
  }
}
