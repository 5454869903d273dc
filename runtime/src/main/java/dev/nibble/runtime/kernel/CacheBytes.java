package dev.nibble.runtime.kernel;

import static dev.nibble.runtime.kernel.Lanes.F;
import static dev.nibble.runtime.kernel.Lanes.PANEL;
import static dev.nibble.runtime.kernel.Lanes.WIDTH;

import jdk.incubator.vector.FloatVector;

/**
 * Signed bytes of the key-value cache as the floats of the tile: {@code code · scale}.
 *
 * <p>The methods are longer than what C2 inlines (325 bytes of bytecode), on purpose: attention
 * with all of its kernels inlined exceeds C2's budget, which then boxes every vector.
 */
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
      int end = Math.min(first + group, dims) * PANEL;
      for (int last = end - 3 * PANEL; o < last; o += 4 * PANEL) {
        int c = at + o;
        Bytes.floats(Bytes.signed(codes, c)).mul(left).intoArray(out, o);
        Bytes.floats(Bytes.signed(codes, c + WIDTH)).mul(right).intoArray(out, o + WIDTH);
        int second = o + PANEL;
        c += PANEL;
        Bytes.floats(Bytes.signed(codes, c)).mul(left).intoArray(out, second);
        Bytes.floats(Bytes.signed(codes, c + WIDTH)).mul(right).intoArray(out, second + WIDTH);
        int third = second + PANEL;
        c += PANEL;
        Bytes.floats(Bytes.signed(codes, c)).mul(left).intoArray(out, third);
        Bytes.floats(Bytes.signed(codes, c + WIDTH)).mul(right).intoArray(out, third + WIDTH);
        int fourth = third + PANEL;
        c += PANEL;
        Bytes.floats(Bytes.signed(codes, c)).mul(left).intoArray(out, fourth);
        Bytes.floats(Bytes.signed(codes, c + WIDTH)).mul(right).intoArray(out, fourth + WIDTH);
      }
      for (; o < end; o += PANEL) {
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
    int s = scaleAt;
    int end = positions * PANEL;
    int o = 0;
    for (int last = end - 3 * PANEL; o < last; o += 4 * PANEL) {
      int c = at + o;
      FloatVector first = FloatVector.broadcast(F, UpperHalf.value(scales[s]));
      Bytes.floats(Bytes.signed(codes, c)).mul(first).intoArray(out, o);
      Bytes.floats(Bytes.signed(codes, c + WIDTH)).mul(first).intoArray(out, o + WIDTH);
      int p = o + PANEL;
      c += PANEL;
      FloatVector second = FloatVector.broadcast(F, UpperHalf.value(scales[s + stride]));
      Bytes.floats(Bytes.signed(codes, c)).mul(second).intoArray(out, p);
      Bytes.floats(Bytes.signed(codes, c + WIDTH)).mul(second).intoArray(out, p + WIDTH);
      p += PANEL;
      c += PANEL;
      FloatVector third = FloatVector.broadcast(F, UpperHalf.value(scales[s + 2 * stride]));
      Bytes.floats(Bytes.signed(codes, c)).mul(third).intoArray(out, p);
      Bytes.floats(Bytes.signed(codes, c + WIDTH)).mul(third).intoArray(out, p + WIDTH);
      p += PANEL;
      c += PANEL;
      FloatVector fourth = FloatVector.broadcast(F, UpperHalf.value(scales[s + 3 * stride]));
      Bytes.floats(Bytes.signed(codes, c)).mul(fourth).intoArray(out, p);
      Bytes.floats(Bytes.signed(codes, c + WIDTH)).mul(fourth).intoArray(out, p + WIDTH);
      s += 4 * stride;
    }
    for (; o < end; o += PANEL, s += stride) {
      FloatVector scale = FloatVector.broadcast(F, UpperHalf.value(scales[s]));
      Bytes.floats(Bytes.signed(codes, at + o)).mul(scale).intoArray(out, o);
      Bytes.floats(Bytes.signed(codes, at + o + WIDTH)).mul(scale).intoArray(out, o + WIDTH);
    }
  }
}
