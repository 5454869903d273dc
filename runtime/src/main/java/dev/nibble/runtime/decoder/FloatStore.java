package dev.nibble.runtime.decoder;

import static dev.nibble.runtime.kernel.Lanes.PANEL;

/** Single precision. */
final class FloatStore {
  private FloatStore() {}

  /** Keys. */
  static final class Keys implements KeyStore {
    private final int headDim;
    private final float[][] panels;

    Keys(KvShape shape) {
      headDim = shape.headDim();
      panels = new float[shape.arrays()][0];
    }

    @Override
    public void grow(int positions) {
      Growth.grow(panels, positions * headDim);
    }

    @Override
    public long byteSize() {
      return 4L * Growth.size(panels);
    }

    @Override
    public void store(int array, int position, float[] x, int offset) {
      float[] to = panels[array];
      int at = position / PANEL * headDim * PANEL + position % PANEL;
      for (int d = 0; d < headDim; d++) {
        to[at + d * PANEL] = x[offset + d];
      }
    }

    @Override
    public void panel(int array, int block, float[] to) {
      int n = headDim * PANEL;
      System.arraycopy(panels[array], block * n, to, 0, n);
    }
  }

  /** Values. */
  static final class Values implements ValueStore {
    private final int headDim;
    private final int slices;
    private final float[][] rows;

    Values(KvShape shape) {
      headDim = shape.headDim();
      slices = shape.slices();
      rows = new float[shape.arrays() * slices][0];
    }

    @Override
    public void grow(int positions) {
      Growth.grow(rows, positions * PANEL);
    }

    @Override
    public long byteSize() {
      return 4L * Growth.size(rows);
    }

    @Override
    public void store(int array, int position, float[] x, int offset) {
      for (int d = 0; d < headDim; d += PANEL) {
        float[] to = rows[array * slices + d / PANEL];
        System.arraycopy(x, offset + d, to, position * PANEL, Math.min(PANEL, headDim - d));
      }
    }

    @Override
    public void slice(int array, int slice, int from, int to, float[] out) {
      System.arraycopy(rows[array * slices + slice], from * PANEL, out, 0, (to - from) * PANEL);
    }
  }
}
