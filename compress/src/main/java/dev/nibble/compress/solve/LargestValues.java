package dev.nibble.compress.solve;

/** The largest of many numbers, without sorting them. */
final class LargestValues {
  private static final int LOW_BITS = 15;

  private LargestValues() {}

  /**
   * Marks the {@code count} largest magnitudes; equals by index, and zeros never.
   *
   * @param values finite
   */
  static boolean[] mark(float[] values, long count) {
    boolean[] out = new boolean[values.length];
    if (count <= 0) {
      return out;
    }
    int[] high = new int[1 << 16];
    for (float v : values) {
      high[bits(v) >>> LOW_BITS]++;
    }
    long[] left = {count};
    int bucket = reach(high, left);
    int[] low = new int[1 << LOW_BITS];
    for (float v : values) {
      if (bits(v) >>> LOW_BITS == bucket) {
        low[bits(v) & ((1 << LOW_BITS) - 1)]++;
      }
    }
    int least = (bucket << LOW_BITS) | reach(low, left);
    for (int i = 0; i < values.length; i++) {
      int bits = bits(values[i]);
      out[i] = bits > least || (bits == least && bits > 0 && left[0]-- > 0);
    }
    return out;
  }

  /** Of magnitudes, order is that of the bits. */
  private static int bits(float value) {
    return Float.floatToRawIntBits(Math.abs(value));
  }

  /**
   * The bucket that holds the last one wanted, from the top; 0 when there are fewer.
   *
   * @param left how many are wanted; then, how many of that bucket
   */
  private static int reach(int[] counts, long[] left) {
    for (int b = counts.length - 1; b > 0; b--) {
      if (counts[b] >= left[0]) {
        return b;
      }
      left[0] -= counts[b];
    }
    return 0;
  }
}
