package dev.nibble.runtime.kernel;

import static dev.nibble.runtime.kernel.Lanes.F;
import static dev.nibble.runtime.kernel.Lanes.PANEL;
import static dev.nibble.runtime.kernel.Lanes.WIDTH;

import jdk.incubator.vector.FloatVector;

/** Signed bytes of the key-value cache as the floats of the tile: {@code code · scale}. */
public final class CacheBytes {
  private CacheBytes() {}

  /**
   * A panel of keys, a lane for each position.
   *
   * @param codes {@code [dims][PANEL]} from {@code at}
   * @param scales {@link UpperHalf}, {@code [dims / group][PANEL]} from {@code scaleAt}
   * @param group dimensions that share a scale; the last group may be short
   * @param out {@code [dims][PANEL]} from 0
   */
  public static void keys(
      byte[] codes, int at, short[] scales, int scaleAt, int group, int dims, float[] out) {
    int o = 0;
    for (int first = 0; first < dims; first += group) {
      int s = scaleAt + first / group * PANEL;
      FloatVector left = UpperHalf.load(scales, s);
      FloatVector right = UpperHalf.load(scales, s + WIDTH);
      for (int end = Math.min(first + group, dims) * PANEL; o < end; o += PANEL) {
        Bytes.floats(Bytes.signed(codes, at + o)).mul(left).intoArray(out, o);
        Bytes.floats(Bytes.signed(codes, at + o + WIDTH)).mul(right).intoArray(out, o + WIDTH);
      }
    }
  }

  /**
   * Positions of a slice of values, a lane for each dimension.
   *
   * @param codes {@code [positions][PANEL]} from {@code at}
   * @param scales {@link UpperHalf}, one a position, {@code stride} apart from {@code scaleAt}
   * @param out {@code [positions][PANEL]} from 0
   */
  public static void values(
      byte[] codes, int at, short[] scales, int scaleAt, int stride, int positions, float[] out) {
    for (int p = 0; p < positions; p++) {
      FloatVector scale = FloatVector.broadcast(F, UpperHalf.value(scales[scaleAt + p * stride]));
      int o = p * PANEL;
      Bytes.floats(Bytes.signed(codes, at + o)).mul(scale).intoArray(out, o);
      Bytes.floats(Bytes.signed(codes, at + o + WIDTH)).mul(scale).intoArray(out, o + WIDTH);
    }
  }
}
