package dev.nibble.compress.activation;

import dev.nibble.core.op.ActivationQuant;

/**
 * Range of the values that one site read.
 *
 * @param low at most 0
 * @param high at least 0
 */
record ValueRange(float low, float high) {
  static final ValueRange EMPTY = new ValueRange(0, 0);

  ValueRange join(ValueRange other) {
    return new ValueRange(Math.min(low, other.low), Math.max(high, other.high));
  }

  float absolute() {
    return Math.max(-low, high);
  }

  /**
   * The quantizer with its scale fixed to this range, by the arithmetic of a dynamic one on a
   * tensor with these extremes.
   */
  ActivationQuant fix(ActivationQuant quant) {
    float clip = quant.clipRatio();
    float scale;
    int zero = 0;
    if (quant.symmetric()) {
      scale = absolute() * clip / ((1 << (quant.bits() - 1)) - 1);
    } else {
      scale = (high - low) * clip / ((1 << quant.bits()) - 1);
      zero = scale == 0 ? 0 : (int) Math.rint(-low * clip / scale);
    }
    // a site that saw only zeros still needs a scale, or it would count as dynamic
    return new ActivationQuant(
        quant.bits(),
        quant.granularity(),
        quant.groupSize(),
        quant.symmetric(),
        clip,
        scale == 0 ? 1f : scale,
        zero);
  }
}
