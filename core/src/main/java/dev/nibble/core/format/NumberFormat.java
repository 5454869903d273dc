package dev.nibble.core.format;

import java.util.Arrays;

/**
 * A finite set of representable values before any scale, each with a code of {@link #bits()} bits.
 * Immutable; two formats are equal when name and levels are.
 *
 * <p>Rounding is to the nearest level and saturates at the ends; a value exactly in the middle of
 * two levels takes the one with the even code, which for integers and floats is IEEE's
 * ties-to-even.
 */
public abstract sealed class NumberFormat
    permits IntFormat,
        FloatFormat,
        NormalFloat,
        FixedPoint,
        PowerOfTwo,
        PowerOfRootTwo,
        Logarithmic,
        Ternary,
        Binary,
        Table {
  private final String name;
  private final int bits;
  private final float[] levels;
  private final NearestLevel nearest;

  /**
   * @param levels value of each of the {@code 2^bits} codes; NaN for a code that means nothing
   */
  NumberFormat(String name, int bits, float[] levels) {
    if (bits < 1 || bits > 8 || levels.length != 1 << bits) {
      throw new IllegalArgumentException(
          name + " needs 2^bits levels with 1 to 8 bits, not " + levels.length);
    }
    this.name = name;
    this.bits = bits;
    this.levels = levels;
    this.nearest = new NearestLevel(levels);
  }

  /** Canonical text, as {@code int4} or {@code fp8-e4m3}; {@code parse(name())} equals this. */
  public final String name() {
    return name;
  }

  /** Bits per code, 1 to 8. */
  public final int bits() {
    return bits;
  }

  /** Value of every code in code order, NaN where a code means nothing; a fresh copy. */
  public final float[] levels() {
    return levels.clone();
  }

  /** Value of {@code code}, which is unsigned in {@code [0, 2^bits)}. */
  public final float decode(int code) {
    return levels[code];
  }

  /** Code of the nearest level; NaN is the caller's error and gives some code. */
  public int encode(float value) {
    return nearest.code(value);
  }

  /** Greatest finite level. */
  public final float highest() {
    return nearest.highest();
  }

  /** Smallest finite level. */
  public final float lowest() {
    return nearest.lowest();
  }

  /**
   * Reads a format name.
   *
   * @throws dev.nibble.core.NibbleException naming what is allowed when it is none
   */
  public static NumberFormat parse(String text) {
    return FormatNames.parse(text);
  }

  @Override
  public final boolean equals(Object other) {
    return other instanceof NumberFormat f
        && f.name.equals(name)
        && Arrays.equals(f.levels, levels);
  }

  @Override
  public final int hashCode() {
    return name.hashCode() * 31 + Arrays.hashCode(levels);
  }

  @Override
  public final String toString() {
    return name;
  }
}
