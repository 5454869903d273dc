package dev.nibble.runtime.kernel;

import static dev.nibble.runtime.kernel.Lanes.F;
import static dev.nibble.runtime.kernel.Lanes.I;
import static dev.nibble.runtime.kernel.Lanes.PANEL;
import static dev.nibble.runtime.kernel.Lanes.WIDTH;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Four-bit codes of the key-value cache as the floats of the tile: {@code min + code · scale}. The
 * methods are too long to be inlined for the reason given at {@link CacheBytes}.
 */
public final class CacheNibbles {
  private static final IntVector NIBBLE = IntVector.broadcast(I, 15);
  private static final IntVector UPPER = IntVector.broadcast(I, 0xffff0000);

  private CacheNibbles() {}

  /** A scale (low half) and a minimum (high half), both {@link UpperHalf}. */
  public static int grid(short scale, short min) {
    return (min << 16) | (scale & 0xffff);
  }

  /** The scale of a grid. */
  public static float scale(int grid) {
    return Float.intBitsToFloat(grid << 16);
  }

  /** The minimum of a grid. */
  public static float min(int grid) {
    return Float.intBitsToFloat(grid & 0xffff0000);
  }

  /**
   * A panel of keys, a lane for each position.
   *
   * @param codes {@code [dims / 2][PANEL]} from {@code at}; the low nibbles are the even dimensions
   * @param grids {@link #grid}, {@code [dims / group][PANEL]} from {@code gridAt}
   * @param group dimensions that share a scale, a multiple of 8; the last group may be short
   * @param dims a multiple of 8
   * @param out {@code [dims][PANEL]} from 0
   */
  public static void keys(
      byte[] codes, int at, int[] grids, int gridAt, int group, int dims, float[] out) {
    for (int first = 0; first < dims; first += group) {
      int g = gridAt + first / group * PANEL;
      int n = Math.min(group, dims - first);
      int c = at + first / 2 * PANEL;
      half(codes, c, grids, g, n, out, first * PANEL);
      half(codes, c + WIDTH, grids, g + WIDTH, n, out, first * PANEL + WIDTH);
    }
  }

  /** One group of one half of the positions. */
  private static void half(byte[] codes, int at, int[] grids, int g, int n, float[] out, int to) {
    IntVector grid = IntVector.fromArray(I, grids, g);
    FloatVector scale = grid.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
    FloatVector min = grid.and(UPPER).reinterpretAsFloats();
    int c = at;
    int end = to + n * PANEL;
    for (int o = to; o < end; o += 2 * PANEL) {
      IntVector both = Bytes.unsigned(codes, c);
      Bytes.floats(both.and(NIBBLE)).fma(scale, min).intoArray(out, o);
      Bytes.floats(high(both)).fma(scale, min).intoArray(out, o + PANEL);
      both = Bytes.unsigned(codes, c + PANEL);
      o += 2 * PANEL;
      Bytes.floats(both.and(NIBBLE)).fma(scale, min).intoArray(out, o);
      Bytes.floats(high(both)).fma(scale, min).intoArray(out, o + PANEL);
      both = Bytes.unsigned(codes, c + 2 * PANEL);
      o += 2 * PANEL;
      Bytes.floats(both.and(NIBBLE)).fma(scale, min).intoArray(out, o);
      Bytes.floats(high(both)).fma(scale, min).intoArray(out, o + PANEL);
      both = Bytes.unsigned(codes, c + 3 * PANEL);
      o += 2 * PANEL;
      Bytes.floats(both.and(NIBBLE)).fma(scale, min).intoArray(out, o);
      Bytes.floats(high(both)).fma(scale, min).intoArray(out, o + PANEL);
      c += 4 * PANEL;
    }
  }

  /**
   * Positions of a slice of values, a lane for each dimension.
   *
   * @param codes {@code [positions][WIDTH]} from {@code at}; the high nibbles are {@code WIDTH}
   *     dimensions behind the low ones
   * @param grids {@link #grid}, one a position, {@code stride} apart from {@code gridAt}
   * @param out {@code [positions][PANEL]} from 0
   */
  public static void values(
      byte[] codes, int at, int[] grids, int gridAt, int stride, int positions, float[] out) {
    int g = gridAt;
    int o = 0;
    int end = positions * PANEL;
    for (int last = end - 2 * PANEL; o < last; o += 3 * PANEL) {
      int c = at + o / 2;
      FloatVector scale = FloatVector.broadcast(F, scale(grids[g]));
      FloatVector min = FloatVector.broadcast(F, min(grids[g]));
      IntVector both = Bytes.unsigned(codes, c);
      Bytes.floats(both.and(NIBBLE)).fma(scale, min).intoArray(out, o);
      Bytes.floats(high(both)).fma(scale, min).intoArray(out, o + WIDTH);
      scale = FloatVector.broadcast(F, scale(grids[g + stride]));
      min = FloatVector.broadcast(F, min(grids[g + stride]));
      both = Bytes.unsigned(codes, c + WIDTH);
      Bytes.floats(both.and(NIBBLE)).fma(scale, min).intoArray(out, o + PANEL);
      Bytes.floats(high(both)).fma(scale, min).intoArray(out, o + PANEL + WIDTH);
      scale = FloatVector.broadcast(F, scale(grids[g + 2 * stride]));
      min = FloatVector.broadcast(F, min(grids[g + 2 * stride]));
      both = Bytes.unsigned(codes, c + PANEL);
      Bytes.floats(both.and(NIBBLE)).fma(scale, min).intoArray(out, o + 2 * PANEL);
      Bytes.floats(high(both)).fma(scale, min).intoArray(out, o + 2 * PANEL + WIDTH);
      g += 3 * stride;
    }
    for (; o < end; o += PANEL, g += stride) {
      FloatVector scale = FloatVector.broadcast(F, scale(grids[g]));
      FloatVector min = FloatVector.broadcast(F, min(grids[g]));
      IntVector both = Bytes.unsigned(codes, at + o / 2);
      Bytes.floats(both.and(NIBBLE)).fma(scale, min).intoArray(out, o);
      Bytes.floats(high(both)).fma(scale, min).intoArray(out, o + WIDTH);
    }
  }

  private static IntVector high(IntVector bytes) {
    return bytes.lanewise(VectorOperators.LSHR, 4);
  }
}
