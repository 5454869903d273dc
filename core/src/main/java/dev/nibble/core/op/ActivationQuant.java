package dev.nibble.core.op;

/**
 * Quantizer of a site's input, applied after the online transforms.
 *
 * @param bits 2 to 8
 * @param granularity one scale per token (row) or one for the tensor, or per group of columns of a
 *     token
 * @param groupSize columns per group for {@link Granularity#GROUP}, else 0
 * @param symmetric symmetric narrow range {@code -(2^(b-1)-1) .. 2^(b-1)-1}; else {@code 0 ..
 *     2^b-1} with zero-point
 * @param clipRatio fraction of the absolute maximum (or range) that the grid spans, in (0, 1]
 * @param staticScale scale fixed at calibration, or 0 for dynamic
 * @param staticZero zero-point fixed at calibration (asymmetric static only)
 */
public record ActivationQuant(
    int bits,
    Granularity granularity,
    int groupSize,
    boolean symmetric,
    float clipRatio,
    float staticScale,
    int staticZero) {

  /** What shares one scale. */
  public enum Granularity {
    TENSOR,
    TOKEN,
    GROUP
  }

  /** Dynamic, per token, symmetric. */
  public static ActivationQuant perToken(int bits) {
    return new ActivationQuant(bits, Granularity.TOKEN, 0, true, 1f, 0f, 0);
  }

  /** True when the scale was fixed at calibration. */
  public boolean isStatic() {
    return staticScale != 0f;
  }

  /**
   * Reference arithmetic: quantizes and dequantizes {@code count} rows of {@code columns} in place.
   * A row of zeros stays zero.
   */
  public void fakeQuantize(float[] x, int offset, int count, int columns) {
    int span =
        switch (granularity) {
          case TENSOR -> count * columns;
          case TOKEN -> columns;
          case GROUP -> groupSize;
        };
    for (int row = 0, end = granularity == Granularity.TENSOR ? 1 : count; row < end; row++) {
      int width = granularity == Granularity.TENSOR ? span : columns;
      int base = offset + row * columns;
      for (int g = 0; g < width; g += span) {
        fakeQuantizeSpan(x, base + g, Math.min(span, width - g));
      }
    }
  }

  private void fakeQuantizeSpan(float[] x, int from, int n) {
    float lo = 0f;
    float hi = 0f;
    for (int i = from; i < from + n; i++) {
      lo = Math.min(lo, x[i]);
      hi = Math.max(hi, x[i]);
    }
    if (symmetric) {
      int top = (1 << (bits - 1)) - 1;
      float scale = isStatic() ? staticScale : Math.max(-lo, hi) * clipRatio / top;
      if (scale == 0f) {
        return;
      }
      for (int i = from; i < from + n; i++) {
        x[i] = scale * Math.clamp((long) Math.rint(x[i] / scale), -top, top);
      }
    } else {
      int top = (1 << bits) - 1;
      float scale = isStatic() ? staticScale : (hi - lo) * clipRatio / top;
      if (scale == 0f) {
        return;
      }
      int zero = isStatic() ? staticZero : (int) Math.rint(-lo * clipRatio / scale);
      for (int i = from; i < from + n; i++) {
        x[i] = scale * (Math.clamp((long) Math.rint(x[i] / scale) + zero, 0, top) - zero);
      }
    }
  }
}
