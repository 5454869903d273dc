package dev.nibble.runtime.decoder;

import dev.nibble.core.model.ModelConfig;
import dev.nibble.runtime.kernel.Lanes;

/**
 * Keys (after the rotary embedding) and values of one sequence, each in a store of its own kind.
 * Stores grow by doubling up to the limit.
 */
final class KvCache {
  private static final int FIRST = 256;

  private final KvShape shape;
  private final KeyStore keys;
  private final ValueStore values;
  private final int limit;
  private int capacity;

  KvCache(KvKinds kinds, KvShape shape, int limit) {
    this.shape = shape;
    this.limit = Lanes.padded(limit);
    this.keys = kinds.keys().keys(shape);
    this.values = kinds.values().values(shape);
  }

  static KvCache create(KvKinds kinds, ModelConfig config, int limit) {
    int arrays = config.layers() * config.kvHeads();
    return new KvCache(kinds, new KvShape(arrays, config.headDim()), limit);
  }

  /** Makes room for {@code positions} positions. */
  void reserve(int positions) {
    if (positions <= capacity) {
      return;
    }
    int wanted = Math.max(FIRST, capacity);
    while (wanted < positions) {
      wanted *= 2;
    }
    capacity = Lanes.padded(Math.min(wanted, Math.max(limit, positions)));
    keys.grow(capacity);
    values.grow(capacity);
  }

  /** Bytes held now. */
  long byteSize() {
    return keys.byteSize() + values.byteSize();
  }

  /** Stores key and value of one position; {@code headDim} floats each. */
  void store(int array, int position, float[] k, int kOffset, float[] v, int vOffset) {
    keys.store(array, position, k, kOffset);
    values.store(array, position, v, vOffset);
  }

  KvShape shape() {
    return shape;
  }

  KeyStore keys() {
    return keys;
  }

  ValueStore values() {
    return values;
  }
}
