package dev.nibble.runtime.kernel;

import static dev.nibble.runtime.kernel.Lanes.F;
import static dev.nibble.runtime.kernel.Lanes.PANEL;
import static dev.nibble.runtime.kernel.Lanes.WIDTH;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** Four-bit codes of the key-value cache as the floats of the tile: {@code min + code · scale}. */
public final class CacheNibbles {
  private CacheNibbles() {}

  /**
   * A panel of keys, a lane for each position.
   *
   * @param codes {@code [(dims + 1) / 2][PANEL]} from {@code at}; the low nibbles are the even
   *     dimensions
   * @param scales {@link UpperHalf}, {@code [dims / group][PANEL]} from {@code scaleAt}
   * @param mins as {@code scales}
   * @param group dimensions that share a scale, an even number; the last group may be short
   * @param out {@code [dims][PANEL]} from 0, with a row of padding when {@code dims} is odd
   */
  public static void keys(
      byte[] codes,
      int at,
      short[] scales,
      short[] mins,
      int scaleAt,
      int group,
      int dims,
      float[] out) {
    int o = 0;
    for (int first = 0; first < dims; first += group) {
      int s = scaleAt + first / group * PANEL;
      FloatVector left = UpperHalf.load(scales, s);
      FloatVector right = UpperHalf.load(scales, s + WIDTH);
      FloatVector leftMin = UpperHalf.load(mins, s);
      FloatVector rightMin = UpperHalf.load(mins, s + WIDTH);
      for (int end = Math.min(first + group, dims) * PANEL; o < end; o += 2 * PANEL) {
        IntVector l = Bytes.unsigned(codes, at + o / 2);
        IntVector r = Bytes.unsigned(codes, at + o / 2 + WIDTH);
        Bytes.floats(l.and(15)).fma(left, leftMin).intoArray(out, o);
        Bytes.floats(r.and(15)).fma(right, rightMin).intoArray(out, o + WIDTH);
        Bytes.floats(high(l)).fma(left, leftMin).intoArray(out, o + PANEL);
        Bytes.floats(high(r)).fma(right, rightMin).intoArray(out, o + PANEL + WIDTH);
      }
    }
  }

  /**
   * Positions of a slice of values, a lane for each dimension.
   *
   * @param codes {@code [positions][WIDTH]} from {@code at}; the high nibbles are {@code WIDTH}
   *     dimensions behind the low ones
   * @param scales {@link UpperHalf}, one a position, {@code stride} apart from {@code scaleAt}
   * @param mins as {@code scales}
   * @param out {@code [positions][PANEL]} from 0
   */
  public static void values(
      byte[] codes,
      int at,
      short[] scales,
      short[] mins,
      int scaleAt,
      int stride,
      int positions,
      float[] out) {
    for (int p = 0; p < positions; p++) {
      int s = scaleAt + p * stride;
      FloatVector scale = FloatVector.broadcast(F, UpperHalf.value(scales[s]));
      FloatVector min = FloatVector.broadcast(F, UpperHalf.value(mins[s]));
      IntVector both = Bytes.unsigned(codes, at + p * WIDTH);
      int o = p * PANEL;
      Bytes.floats(both.and(15)).fma(scale, min).intoArray(out, o);
      Bytes.floats(high(both)).fma(scale, min).intoArray(out, o + WIDTH);
    }
  }

  private static IntVector high(IntVector bytes) {
    return bytes.lanewise(VectorOperators.LSHR, 4);
  }
}
