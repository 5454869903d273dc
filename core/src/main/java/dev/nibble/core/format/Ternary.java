package dev.nibble.core.format;

/** -1, 0 and 1 in two bits of two's complement; code 2 is never written and reads as 0. */
public final class Ternary extends NumberFormat {

  /** The only ternary format. */
  public Ternary() {
    super("ternary", 2, new float[] {0f, 1f, 0f, -1f});
  }
}
