package dev.nibble.runtime.decoder;

import static dev.nibble.runtime.kernel.Lanes.PANEL;

import dev.nibble.runtime.kernel.Halves;

/**
 * Half precision, rounded to nearest: half the memory, widened exactly. What is beyond its range
 * becomes its largest number, 65504, as an infinity would spoil every later position.
 */
final class HalfStore {
  private static final float LARGEST = 65504;

  private HalfStore() {}

  private static short half(float v) {
    return Float.floatToFloat16(Math.clamp(v, -LARGEST, LARGEST));
  }

  /** Keys. */
  static final class Keys implements KeyStore {
    private final int headDim;
    private final short[][] panels;

    Keys(KvShape shape) {
      headDim = shape.headDim();
      panels = new short[shape.arrays()][0];
    }

    @Override
    public void grow(int positions) {
      Growth.grow(panels, positions * headDim);
    }

    @Override
    public long byteSize() {
      return 2L * Growth.size(panels);
    }

    @Override
    public void store(int array, int position, float[] x, int offset) {
      short[] to = panels[array];
      int at = position / PANEL * headDim * PANEL + position % PANEL;
      for (int d = 0; d < headDim; d++) {
        to[at + d * PANEL] = half(x[offset + d]);
      }
    }

    @Override
    public void panel(int array, int block, float[] to) {
      int n = headDim * PANEL;
      Halves.toFloats(panels[array], block * n, to, 0, n);
    }
  }

  /** Values. */
  static final class Values implements ValueStore {
    private final int headDim;
    private final int slices;
    private final short[][] rows;

    Values(KvShape shape) {
      headDim = shape.headDim();
      slices = shape.slices();
      rows = new short[shape.arrays() * slices][0];
    }

    @Override
    public void grow(int positions) {
      Growth.grow(rows, positions * PANEL);
    }

    @Override
    public long byteSize() {
      return 2L * Growth.size(rows);
    }

    @Override
    public void store(int array, int position, float[] x, int offset) {
      for (int first = 0; first < headDim; first += PANEL) {
        short[] to = rows[array * slices + first / PANEL];
        int end = Math.min(PANEL, headDim - first);
        for (int i = 0; i < end; i++) {
          to[position * PANEL + i] = half(x[offset + first + i]);
        }
      }
    }

    @Override
    public void slice(int array, int slice, int from, int to, float[] out) {
      Halves.toFloats(rows[array * slices + slice], from * PANEL, out, 0, (to - from) * PANEL);
    }
  }
}
