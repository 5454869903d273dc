package dev.nibble.core.rounding;

import dev.nibble.core.tensor.BilevelLayout;
import dev.nibble.core.tensor.BilevelLayout.Zeros;

/**
 * The grids of one group of columns in the rows of one block, with scales and zero-points quantized
 * in two levels (SpQR): {@code value(code) = scale · (code − zero)}. A group whose values are all 0
 * gets the scale 0 and is exact.
 */
public final class BilevelGroup {
  private final BilevelLayout layout;
  private final SecondLevel scaleLevel;
  private final SecondLevel zeroLevel;
  private final byte[] scaleCodes;
  private final byte[] zeroCodes;
  private final float[] scales;
  private final float[] zeros;

  /**
   * Grids that span a range in each row. As everywhere, a range is widened to hold 0.
   *
   * @param lo smallest value of each row, finite
   * @param hi largest
   */
  public BilevelGroup(float[] lo, float[] hi, BilevelLayout layout) {
    int rows = lo.length;
    this.layout = layout;
    this.scales = new float[rows];
    this.zeros = new float[rows];
    this.scaleCodes = new byte[rows];
    this.zeroCodes = new byte[rows];
    for (int r = 0; r < rows; r++) {
      double low = Math.min(0f, lo[r]);
      double high = Math.max(0f, hi[r]);
      if (layout.zeros() == Zeros.NONE) {
        double reach = Math.max(-low, high);
        low = -reach;
        high = reach;
      }
      double scale = (high - low) / layout.top();
      scales[r] = (float) scale;
      zeros[r] = scale == 0 ? layout.top() / 2f : (float) (-low / scale);
    }
    this.scaleLevel = SecondLevel.fit(scales, rows, layout.scaleBits(), layout.statFormat());
    this.zeroLevel =
        layout.zeros() == Zeros.BILEVEL
            ? SecondLevel.fit(zeros, rows, layout.zeroBits(), layout.statFormat())
            : null;
    for (int r = 0; r < rows; r++) {
      quantize(r);
    }
  }

  private void quantize(int r) {
    scaleCodes[r] = (byte) scaleLevel.code(scales[r]);
    scales[r] = scaleLevel.value(scaleCodes[r]);
    switch (layout.zeros()) {
      case NONE -> zeros[r] = 1 << (layout.bits() - 1);
      case INTEGER -> {
        zeros[r] = (float) Math.rint(zeros[r]);
        zeroCodes[r] = (byte) zeros[r];
      }
      case BILEVEL -> {
        zeroCodes[r] = (byte) zeroLevel.code(zeros[r]);
        zeros[r] = zeroLevel.value(zeroCodes[r]);
      }
    }
  }

  /** Code of the value nearest to w in a row. */
  public int code(int r, double w) {
    if (scales[r] == 0) {
      return layout.top();
    }
    return (int) Math.clamp(Math.rint(w / scales[r] + zeros[r]), 0, layout.top());
  }

  /** Value of a code in a row. */
  public float value(int r, int code) {
    return scales[r] * (code - zeros[r]);
  }

  /** Codes of the rows' scales; live. */
  public byte[] scaleCodes() {
    return scaleCodes;
  }

  /** Codes of the rows' zero-points; live. */
  public byte[] zeroCodes() {
    return zeroCodes;
  }

  /** Second level of the scales. */
  public SecondLevel scaleLevel() {
    return scaleLevel;
  }

  /** Second level of the zero-points, or null. */
  public SecondLevel zeroLevel() {
    return zeroLevel;
  }
}
