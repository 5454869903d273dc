package dev.nibble.core.rounding;

/**
 * How an integer grid is laid over the range of a group. {@code b} bits, {@code maxq = 2^b - 1},
 * {@code A} the largest magnitude, {@code lo, hi} the extremes; codes are the unsigned stored ones.
 */
public enum GridFlavour {
  /**
   * Asymmetric; zero is always inside the range: {@code lo = min(0, lo)}, {@code hi = max(0, hi)},
   * {@code s = (hi - lo)/maxq}, {@code z = round(-lo/s)}.
   */
  GPTQ(false),
  /**
   * Asymmetric; the range as it is: {@code s = max(hi - lo, 1e-5)/maxq}, {@code z =
   * clamp(-round(lo/s), 0, maxq)}. Large values of a group that is far from zero clip.
   */
  AWQ(false),
  /** Symmetric; {@code s = 2A/maxq}, all codes; the positive extreme is clipped by s/2. */
  SYM_FULL(true),
  /** Symmetric; {@code s = A/(2^(b-1) - 1)}, the lowest code unused. At 2 bits this is ternary. */
  SYM_NARROW(true),
  /** The scale of {@link #SYM_NARROW} with all codes. */
  SYM_WIDE(true);

  private final boolean symmetric;

  GridFlavour(boolean symmetric) {
    this.symmetric = symmetric;
  }

  /** True when the zero-point is the fixed middle code {@code 2^(b-1)}. */
  public boolean symmetric() {
    return symmetric;
  }
}
