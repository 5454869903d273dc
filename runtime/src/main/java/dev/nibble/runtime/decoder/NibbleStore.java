package dev.nibble.runtime.decoder;

import static dev.nibble.runtime.decoder.KvShape.GROUP;
import static dev.nibble.runtime.kernel.Lanes.PANEL;
import static dev.nibble.runtime.kernel.Lanes.WIDTH;

import dev.nibble.runtime.kernel.CacheNibbles;
import dev.nibble.runtime.kernel.UpperHalf;
import dev.nibble.runtime.kernel.VectorMath;

/**
 * Four bits with a scale and a minimum for each position and {@link KvShape#GROUP} dimensions:
 * {@code min} rounded down and {@code scale = (max x − min) / 15} rounded up to 16 bits each,
 * {@code code = round((x − min) / scale)}. 5 bits a number; off by at most half a scale, {@code
 * (max x − min x + 2^-7 |min x|) / 30 · (1 + 2^-7)}.
 */
final class NibbleStore {
  private NibbleStore() {}

  private static int grid(float[] x, int offset, int n) {
    short min = UpperHalf.below(VectorMath.min(x, offset, n));
    float range = VectorMath.max(x, offset, n) - UpperHalf.value(min);
    return CacheNibbles.grid(UpperHalf.above(range / 15), min);
  }

  private static int code(float x, float min, float inverse) {
    return Codes.nearest((x - min) * inverse) & 15;
  }

  /**
   * Keys: codes {@code [block][dims / 2][PANEL]}, even dimensions low, where dims is headDim
   * rounded up to a multiple of 8; grids {@code [block][group][PANEL]}.
   */
  static final class Keys implements KeyStore {
    private final int headDim;
    private final int dims;
    private final int groups;
    private final byte[][] codes;
    private final int[][] grids;

    Keys(KvShape shape) {
      headDim = shape.headDim();
      dims = (headDim + 7) / 8 * 8;
      groups = shape.groups();
      codes = new byte[shape.arrays()][0];
      grids = new int[shape.arrays()][0];
    }

    @Override
    public void grow(int positions) {
      Growth.grow(codes, positions * dims / 2);
      Growth.grow(grids, positions * groups);
    }

    @Override
    public long byteSize() {
      return Growth.size(codes) + 4 * Growth.size(grids);
    }

    @Override
    public void store(int array, int position, float[] x, int offset) {
      int block = position / PANEL;
      int lane = position % PANEL;
      for (int first = 0; first < headDim; first += GROUP) {
        int n = Math.min(GROUP, headDim - first);
        int group = (block * groups + first / GROUP) * PANEL + lane;
        int grid = grid(x, offset + first, n);
        grids[array][group] = grid;
        float min = CacheNibbles.min(grid);
        float inverse = Codes.inverse(CacheNibbles.scale(grid));
        int at = (block * dims + first) / 2 * PANEL + lane;
        for (int d = first; d < first + n; d += 2, at += PANEL) {
          int low = code(x[offset + d], min, inverse);
          int high = d + 1 < first + n ? code(x[offset + d + 1], min, inverse) : 0;
          codes[array][at] = (byte) (high << 4 | low);
        }
      }
    }

    @Override
    public void panel(int array, int block, float[] to) {
      int at = block * PANEL;
      CacheNibbles.keys(codes[array], at * dims / 2, grids[array], at * groups, GROUP, dims, to);
    }
  }

  /**
   * Values: codes {@code [slice][position][WIDTH]}, the second half of a slice's dimensions high;
   * grids {@code [position][group]}.
   */
  static final class Values implements ValueStore {
    private final int headDim;
    private final int groups;
    private final int slices;
    private final byte[][] codes;
    private final int[][] grids;

    Values(KvShape shape) {
      headDim = shape.headDim();
      groups = shape.groups();
      slices = shape.slices();
      codes = new byte[shape.arrays() * slices][0];
      grids = new int[shape.arrays()][0];
    }

    @Override
    public void grow(int positions) {
      Growth.grow(codes, positions * WIDTH);
      Growth.grow(grids, positions * groups);
    }

    @Override
    public long byteSize() {
      return Growth.size(codes) + 4 * Growth.size(grids);
    }

    @Override
    public void store(int array, int position, float[] x, int offset) {
      for (int first = 0; first < headDim; first += GROUP) {
        int n = Math.min(GROUP, headDim - first);
        int group = position * groups + first / GROUP;
        int grid = grid(x, offset + first, n);
        grids[array][group] = grid;
        float min = CacheNibbles.min(grid);
        float inverse = Codes.inverse(CacheNibbles.scale(grid));
        for (int slice = first; slice < first + n; slice += PANEL) {
          byte[] to = codes[array * slices + slice / PANEL];
          int end = Math.min(WIDTH, first + n - slice);
          for (int i = 0; i < end; i++) {
            int d = slice + i;
            int low = code(x[offset + d], min, inverse);
            int high = d + WIDTH < first + n ? code(x[offset + d + WIDTH], min, inverse) : 0;
            to[position * WIDTH + i] = (byte) (high << 4 | low);
          }
        }
      }
    }

    @Override
    public void slice(int array, int slice, int from, int to, float[] out) {
      byte[] rows = codes[array * slices + slice];
      int group = from * groups + slice * PANEL / GROUP;
      CacheNibbles.values(rows, from * WIDTH, grids[array], group, groups, to - from, out);
    }
  }
}
