package dev.nibble.core.format;

/** -1 (code 0) and 1 (code 1). There is no zero: a group of zeros needs the scale 0. */
public final class Binary extends NumberFormat {

  /** The only binary format. */
  public Binary() {
    super("binary", 1, new float[] {-1f, 1f});
  }

  @Override
  public int encode(float value) {
    return value < 0 ? 0 : 1;
  }
}
