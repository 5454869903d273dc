package dev.nibble.core.format;

import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

/** Finds the code of the level nearest to a value; exactly in the middle the even code wins. */
final class NearestLevel {
  /** Code of the i-th smallest level. */
  private final int[] codes;

  /**
   * {@code borders[i]}: halfway between the i-th and the (i+1)-th smallest level; padded with
   * infinity to one less than a power of two, so that the search needs no unpredictable branch.
   */
  private final double[] borders;

  private final float lowest;
  private final float highest;

  /**
   * @param levels value of each code; NaN codes are never chosen, of equal values (as 0 and -0) the
   *     smallest code is
   */
  NearestLevel(float[] levels) {
    int[] order =
        IntStream.range(0, levels.length)
            .filter(c -> !Float.isNaN(levels[c]) && !Float.isInfinite(levels[c]))
            .boxed()
            .sorted(
                Comparator.<Integer>comparingDouble(c -> levels[c] + 0.0)
                    .thenComparing(Comparator.naturalOrder()))
            .mapToInt(Integer::intValue)
            .toArray();
    int n = 0;
    for (int code : order) {
      if (n == 0 || levels[order[n - 1]] != levels[code]) {
        order[n++] = code;
      }
    }
    codes = Arrays.copyOf(order, n);
    lowest = levels[codes[0]];
    highest = levels[codes[n - 1]];
    borders = new double[(Integer.highestOneBit(Math.max(1, n - 1)) << 1) - 1];
    Arrays.fill(borders, Double.POSITIVE_INFINITY);
    for (int i = 0; i < n - 1; i++) {
      borders[i] = ((double) levels[codes[i]] + levels[codes[i + 1]]) / 2;
    }
  }

  float lowest() {
    return lowest;
  }

  float highest() {
    return highest;
  }

  int code(float value) {
    int low = 0;
    for (int half = (borders.length + 1) >> 1; half > 0; half >>= 1) {
      low += borders[low + half - 1] < value ? half : 0;
    }
    // an infinite value may stop behind the padding
    low = Math.min(low, codes.length - 1);
    boolean tie = low < codes.length - 1 && borders[low] == value;
    return tie && (codes[low] & 1) != 0 ? codes[low + 1] : codes[low];
  }
}
