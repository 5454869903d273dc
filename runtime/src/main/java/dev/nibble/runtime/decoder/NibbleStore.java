package dev.nibble.runtime.decoder;

import static dev.nibble.runtime.decoder.KvShape.GROUP;
import static dev.nibble.runtime.kernel.Lanes.PANEL;
import static dev.nibble.runtime.kernel.Lanes.WIDTH;

import dev.nibble.runtime.kernel.CacheNibbles;
import dev.nibble.runtime.kernel.UpperHalf;

/**
 * Four bits with a scale and a minimum for each position and {@link KvShape#GROUP} dimensions:
 * {@code min} rounded down and {@code scale = (max x − min) / 15} rounded up to 16 bits each,
 * {@code code = round((x − min) / scale)}. 5 bits a number; off by at most half a scale, {@code
 * (max x − min x + 2^-7 |min x|) / 30 · (1 + 2^-7)}.
 */
final class NibbleStore {
  private NibbleStore() {}

  private static short min(float[] x, int offset, int n) {
    float smallest = Float.POSITIVE_INFINITY;
    for (int i = 0; i < n; i++) {
      smallest = Math.min(smallest, x[offset + i]);
    }
    return UpperHalf.below(smallest);
  }

  private static short scale(float[] x, int offset, int n, float min) {
    float largest = Float.NEGATIVE_INFINITY;
    for (int i = 0; i < n; i++) {
      largest = Math.max(largest, x[offset + i]);
    }
    return UpperHalf.above((largest - min) / 15);
  }

  /** Factor that turns distances into codes; a scale too small to divide by makes them all 0. */
  private static float inverse(short scale) {
    float value = UpperHalf.value(scale);
    return value < Float.MIN_NORMAL ? 0 : 1 / value;
  }

  /** Writes a code into the low (shift 0) or high (shift 4) half of a byte. */
  private static void put(byte[] to, int at, int shift, float code) {
    int nibble = Math.clamp(Math.round(code), 0, 15) << shift;
    to[at] = (byte) ((to[at] & ~(15 << shift)) | nibble);
  }

  /**
   * Keys: codes {@code [block][(headDim + 1) / 2][PANEL]}, even dimensions low; scales and minima
   * {@code [block][group][PANEL]}.
   */
  static final class Keys implements KeyStore {
    private final int headDim;
    private final int pairs;
    private final int groups;
    private final byte[][] codes;
    private final short[][] scales;
    private final short[][] mins;

    Keys(KvShape shape) {
      headDim = shape.headDim();
      pairs = (headDim + 1) / 2;
      groups = shape.groups();
      codes = new byte[shape.arrays()][0];
      scales = new short[shape.arrays()][0];
      mins = new short[shape.arrays()][0];
    }

    @Override
    public void grow(int positions) {
      Growth.grow(codes, positions * pairs);
      Growth.grow(scales, positions * groups);
      Growth.grow(mins, positions * groups);
    }

    @Override
    public long byteSize() {
      return Growth.size(codes) + 2 * Growth.size(scales) + 2 * Growth.size(mins);
    }

    @Override
    public void store(int array, int position, float[] x, int offset) {
      int block = position / PANEL;
      int lane = position % PANEL;
      for (int first = 0; first < headDim; first += GROUP) {
        int n = Math.min(GROUP, headDim - first);
        int group = (block * groups + first / GROUP) * PANEL + lane;
        mins[array][group] = min(x, offset + first, n);
        float min = UpperHalf.value(mins[array][group]);
        scales[array][group] = scale(x, offset + first, n, min);
        float inverse = inverse(scales[array][group]);
        for (int d = first; d < first + n; d++) {
          int at = (block * pairs + d / 2) * PANEL + lane;
          put(codes[array], at, d % 2 * 4, (x[offset + d] - min) * inverse);
        }
      }
    }

    @Override
    public float[] panel(int array, int block, float[] scratch) {
      int at = block * PANEL;
      short[] scale = scales[array];
      CacheNibbles.keys(
          codes[array], at * pairs, scale, mins[array], at * groups, GROUP, headDim, scratch);
      return scratch;
    }

    @Override
    public int panelAt(int block) {
      return 0;
    }
  }

  /**
   * Values: codes {@code [slice][position][WIDTH]}, the second half of a slice's dimensions high;
   * scales and minima {@code [position][group]}.
   */
  static final class Values implements ValueStore {
    private final int headDim;
    private final int groups;
    private final int slices;
    private final byte[][] codes;
    private final short[][] scales;
    private final short[][] mins;

    Values(KvShape shape) {
      headDim = shape.headDim();
      groups = shape.groups();
      slices = shape.slices();
      codes = new byte[shape.arrays() * slices][0];
      scales = new short[shape.arrays()][0];
      mins = new short[shape.arrays()][0];
    }

    @Override
    public void grow(int positions) {
      Growth.grow(codes, positions * WIDTH);
      Growth.grow(scales, positions * groups);
      Growth.grow(mins, positions * groups);
    }

    @Override
    public long byteSize() {
      return Growth.size(codes) + 2 * Growth.size(scales) + 2 * Growth.size(mins);
    }

    @Override
    public void store(int array, int position, float[] x, int offset) {
      for (int first = 0; first < headDim; first += GROUP) {
        int n = Math.min(GROUP, headDim - first);
        int group = position * groups + first / GROUP;
        mins[array][group] = min(x, offset + first, n);
        float min = UpperHalf.value(mins[array][group]);
        scales[array][group] = scale(x, offset + first, n, min);
        float inverse = inverse(scales[array][group]);
        for (int d = first; d < first + n; d++) {
          int at = position * WIDTH + d % WIDTH;
          int shift = d % PANEL / WIDTH * 4;
          put(codes[array * slices + d / PANEL], at, shift, (x[offset + d] - min) * inverse);
        }
      }
    }

    @Override
    public float[] slice(int array, int slice, int from, int to, float[] scratch) {
      byte[] rows = codes[array * slices + slice];
      int group = from * groups + slice * PANEL / GROUP;
      CacheNibbles.values(
          rows, from * WIDTH, scales[array], mins[array], group, groups, to - from, scratch);
      return scratch;
    }

    @Override
    public int sliceAt(int from) {
      return 0;
    }
  }
}
