package dev.nibble.runtime.decoder;

import dev.nibble.core.model.ModelConfig;
import dev.nibble.runtime.kernel.Halves;
import dev.nibble.runtime.kernel.Lanes;
import java.util.Arrays;

/**
 * Keys (after the rotary embedding) and values of one sequence, in the order the float tile reads.
 *
 * <p>Per layer and key-value head: keys as {@code [position / PANEL][headDim][PANEL]}, so that one
 * panel scores {@code PANEL} positions; values as {@code [dim / PANEL][position][PANEL]}, one array
 * per slice of {@code PANEL} dimensions. Arrays grow by doubling up to the limit.
 */
abstract sealed class KvCache permits KvCache.Floats, KvCache.HalfFloats {
  private static final int FIRST = 256;

  final int headDim;
  final int slices;
  private final int limit;
  private int capacity;

  private KvCache(int headDim, int limit) {
    this.headDim = headDim;
    this.limit = Lanes.padded(limit);
    this.slices = Lanes.padded(headDim) / Lanes.PANEL;
  }

  static KvCache create(KvKind kind, ModelConfig config, int limit) {
    int arrays = config.layers() * config.kvHeads();
    return switch (kind) {
      case FP32 -> new Floats(arrays, config.headDim(), limit);
      case FP16 -> new HalfFloats(arrays, config.headDim(), limit);
    };
  }

  /** Makes room for {@code positions} positions. */
  final void reserve(int positions) {
    if (positions <= capacity) {
      return;
    }
    int wanted = Math.max(FIRST, capacity);
    while (wanted < positions) {
      wanted *= 2;
    }
    capacity = Lanes.padded(Math.min(wanted, Math.max(limit, positions)));
    grow(capacity);
  }

  /** Bytes held now. */
  abstract long byteSize();

  abstract void grow(int positions);

  /** Stores key and value of one position; {@code headDim} floats each. */
  abstract void store(int array, int position, float[] k, int kOffset, float[] v, int vOffset);

  /** Array that holds the key panel {@code block}: the cache's own or {@code scratch}. */
  abstract float[] keys(int array, int block, float[] scratch);

  /** Where the panel starts in the array that {@link #keys} returned. */
  abstract int keysAt(int block);

  /** Array with values of positions from {@code from} to {@code to} of a slice. */
  abstract float[] values(int array, int slice, int from, int to, float[] scratch);

  /** Where position {@code from} starts in the array that {@link #values} returned. */
  abstract int valuesAt(int from);

  final int keyIndex(int position) {
    return position / Lanes.PANEL * headDim * Lanes.PANEL + position % Lanes.PANEL;
  }

  /** Single precision. */
  static final class Floats extends KvCache {
    private final float[][] keys;
    private final float[][] values;

    Floats(int arrays, int headDim, int limit) {
      super(headDim, limit);
      keys = new float[arrays][0];
      values = new float[arrays * slices][0];
    }

    @Override
    void grow(int positions) {
      for (int i = 0; i < keys.length; i++) {
        keys[i] = Arrays.copyOf(keys[i], positions * headDim);
      }
      for (int i = 0; i < values.length; i++) {
        values[i] = Arrays.copyOf(values[i], positions * Lanes.PANEL);
      }
    }

    @Override
    long byteSize() {
      return 4L * keys.length * keys[0].length + 4L * values.length * values[0].length;
    }

    @Override
    void store(int array, int position, float[] k, int kOffset, float[] v, int vOffset) {
      float[] key = keys[array];
      for (int d = 0, at = keyIndex(position); d < headDim; d++, at += Lanes.PANEL) {
        key[at] = k[kOffset + d];
      }
      for (int d = 0; d < headDim; d++) {
        values[array * slices + d / Lanes.PANEL][position * Lanes.PANEL + d % Lanes.PANEL] =
            v[vOffset + d];
      }
    }

    @Override
    float[] keys(int array, int block, float[] scratch) {
      return keys[array];
    }

    @Override
    int keysAt(int block) {
      return block * headDim * Lanes.PANEL;
    }

    @Override
    float[] values(int array, int slice, int from, int to, float[] scratch) {
      return values[array * slices + slice];
    }

    @Override
    int valuesAt(int from) {
      return from * Lanes.PANEL;
    }
  }

  /** Half precision: half the memory, widened panel by panel. */
  static final class HalfFloats extends KvCache {
    private final short[][] keys;
    private final short[][] values;

    HalfFloats(int arrays, int headDim, int limit) {
      super(headDim, limit);
      keys = new short[arrays][0];
      values = new short[arrays * slices][0];
    }

    @Override
    void grow(int positions) {
      for (int i = 0; i < keys.length; i++) {
        keys[i] = Arrays.copyOf(keys[i], positions * headDim);
      }
      for (int i = 0; i < values.length; i++) {
        values[i] = Arrays.copyOf(values[i], positions * Lanes.PANEL);
      }
    }

    @Override
    long byteSize() {
      return 2L * keys.length * keys[0].length + 2L * values.length * values[0].length;
    }

    @Override
    void store(int array, int position, float[] k, int kOffset, float[] v, int vOffset) {
      short[] key = keys[array];
      for (int d = 0, at = keyIndex(position); d < headDim; d++, at += Lanes.PANEL) {
        key[at] = Float.floatToFloat16(k[kOffset + d]);
      }
      for (int d = 0; d < headDim; d++) {
        values[array * slices + d / Lanes.PANEL][position * Lanes.PANEL + d % Lanes.PANEL] =
            Float.floatToFloat16(v[vOffset + d]);
      }
    }

    @Override
    float[] keys(int array, int block, float[] scratch) {
      int n = headDim * Lanes.PANEL;
      Halves.toFloats(keys[array], block * n, scratch, 0, n);
      return scratch;
    }

    @Override
    int keysAt(int block) {
      return 0;
    }

    @Override
    float[] values(int array, int slice, int from, int to, float[] scratch) {
      int n = (to - from) * Lanes.PANEL;
      Halves.toFloats(values[array * slices + slice], from * Lanes.PANEL, scratch, 0, n);
      return scratch;
    }

    @Override
    int valuesAt(int from) {
      return 0;
    }
  }
}
