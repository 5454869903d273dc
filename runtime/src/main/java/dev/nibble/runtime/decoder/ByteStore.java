package dev.nibble.runtime.decoder;

import static dev.nibble.runtime.decoder.KvShape.GROUP;
import static dev.nibble.runtime.kernel.Lanes.PANEL;

import dev.nibble.runtime.kernel.CacheBytes;
import dev.nibble.runtime.kernel.UpperHalf;
import dev.nibble.runtime.kernel.VectorMath;

/**
 * Bytes, symmetric, with a scale for each position and {@link KvShape#GROUP} dimensions: {@code
 * scale = max|x| / 127} rounded up to 16 bits, {@code code = round(x / scale)}. 8.5 bits a number;
 * off by at most half a scale, {@code max|x| / 254 · (1 + 2^-7)}.
 */
final class ByteStore {
  private ByteStore() {}

  private static short scale(float[] x, int offset, int n) {
    float largest = Math.max(VectorMath.max(x, offset, n), -VectorMath.min(x, offset, n));
    return UpperHalf.above(largest / 127);
  }

  /** Keys: codes {@code [block][headDim][PANEL]}, scales {@code [block][group][PANEL]}. */
  static final class Keys implements KeyStore {
    private final int headDim;
    private final int groups;
    private final byte[][] codes;
    private final short[][] scales;

    Keys(KvShape shape) {
      headDim = shape.headDim();
      groups = shape.groups();
      codes = new byte[shape.arrays()][0];
      scales = new short[shape.arrays()][0];
    }

    @Override
    public void grow(int positions) {
      Growth.grow(codes, positions * headDim);
      Growth.grow(scales, positions * groups);
    }

    @Override
    public long byteSize() {
      return Growth.size(codes) + 2 * Growth.size(scales);
    }

    @Override
    public void store(int array, int position, float[] x, int offset) {
      byte[] to = codes[array];
      int block = position / PANEL;
      int lane = position % PANEL;
      for (int first = 0; first < headDim; first += GROUP) {
        int n = Math.min(GROUP, headDim - first);
        short scale = scale(x, offset + first, n);
        scales[array][(block * groups + first / GROUP) * PANEL + lane] = scale;
        float inverse = Codes.inverse(UpperHalf.value(scale));
        int at = (block * headDim + first) * PANEL + lane;
        for (int d = 0; d < n; d++) {
          to[at + d * PANEL] = (byte) Codes.nearest(x[offset + first + d] * inverse);
        }
      }
    }

    @Override
    public void panel(int array, int block, float[] to) {
      int at = block * PANEL;
      CacheBytes.keys(codes[array], at * headDim, scales[array], at * groups, GROUP, headDim, to);
    }
  }

  /** Values: codes {@code [slice][position][PANEL]}, scales {@code [position][group]}. */
  static final class Values implements ValueStore {
    private final int headDim;
    private final int groups;
    private final int slices;
    private final byte[][] codes;
    private final short[][] scales;

    Values(KvShape shape) {
      headDim = shape.headDim();
      groups = shape.groups();
      slices = shape.slices();
      codes = new byte[shape.arrays() * slices][0];
      scales = new short[shape.arrays()][0];
    }

    @Override
    public void grow(int positions) {
      Growth.grow(codes, positions * PANEL);
      Growth.grow(scales, positions * groups);
    }

    @Override
    public long byteSize() {
      return Growth.size(codes) + 2 * Growth.size(scales);
    }

    @Override
    public void store(int array, int position, float[] x, int offset) {
      for (int first = 0; first < headDim; first += GROUP) {
        int n = Math.min(GROUP, headDim - first);
        short scale = scale(x, offset + first, n);
        scales[array][position * groups + first / GROUP] = scale;
        float inverse = Codes.inverse(UpperHalf.value(scale));
        for (int slice = first; slice < first + n; slice += PANEL) {
          byte[] to = codes[array * slices + slice / PANEL];
          int end = Math.min(PANEL, first + n - slice);
          for (int i = 0; i < end; i++) {
            to[position * PANEL + i] = (byte) Codes.nearest(x[offset + slice + i] * inverse);
          }
        }
      }
    }

    @Override
    public void slice(int array, int slice, int from, int to, float[] out) {
      byte[] rows = codes[array * slices + slice];
      int scale = from * groups + slice * PANEL / GROUP;
      CacheBytes.values(rows, from * PANEL, scales[array], scale, groups, to - from, out);
    }
  }
}
