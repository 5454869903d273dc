package dev.nibble.runtime.decoder;

import dev.nibble.core.NibbleException;
import java.util.List;

/**
 * What a text that is being read or written keeps between passes: its keys and values, its length,
 * and rotary tables where they depend on the length. Belongs to the {@link ForwardPass} that made
 * it.
 */
public final class Sequence {
  private final KvCache cache;

  /** For each layer its table, or null without rotary positions; layers that attend alike share. */
  private final List<RotaryTable> rotary;

  private final int limit;
  private final int vocabSize;
  private int position;

  Sequence(KvCache cache, List<RotaryTable> rotary, int limit, int vocabSize) {
    this.cache = cache;
    this.rotary = rotary;
    this.limit = limit;
    this.vocabSize = vocabSize;
  }

  /** Tokens in the cache. */
  public int position() {
    return position;
  }

  /** Most positions. */
  public int limit() {
    return limit;
  }

  /** Bytes of the cache now. */
  public long cacheBytes() {
    return cache.byteSize();
  }

  /** Forgets positions from {@code length} on. */
  public void truncate(int length) {
    if (length < 0 || length > position) {
      throw new IllegalArgumentException("cannot cut " + position + " positions to " + length);
    }
    position = length;
  }

  /**
   * Checks that tokens can be appended.
   *
   * @param tokens ids, {@code count} from {@code offset}
   * @throws NibbleException for a token outside the vocabulary or a full context
   */
  public void check(int[] tokens, int offset, int count) {
    if (position + count > limit) {
      throw new NibbleException(
          "the context is full: "
              + (position + count)
              + " tokens, but the session holds "
              + limit
              + "; shorten the prompt or raise the context length");
    }
    for (int i = offset; i < offset + count; i++) {
      if (tokens[i] < 0 || tokens[i] >= vocabSize) {
        throw new NibbleException(
            "token " + tokens[i] + " is outside the vocabulary of " + vocabSize + " tokens");
      }
    }
  }

  KvCache cache() {
    return cache;
  }

  RotaryTable rotary(int layer) {
    return rotary == null ? null : rotary.get(layer);
  }

  /**
   * Makes room.
   *
   * @param count tokens to come now
   * @param total length it is known to reach; matters to length-dependent rotary scaling
   */
  void reserve(int count, int total) {
    cache.reserve(position + count);
    if (rotary != null) {
      for (int layer = 0; layer < rotary.size(); layer++) {
        int to = position + count;
        rotary.get(layer).reserve(position, to, Math.max(total, to));
      }
    }
  }

  void advance(int count) {
    position += count;
  }
}
