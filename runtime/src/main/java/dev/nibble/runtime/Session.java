package dev.nibble.runtime;

import dev.nibble.core.NibbleException;
import dev.nibble.runtime.decoder.Sequence;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;

/**
 * One conversation: a key-value cache and the position in it. Calls must not overlap, except {@link
 * #cancel}, which any thread may call; sessions of one model take turns.
 */
public final class Session {
  private final Object turn;
  private final Sequence sequence;
  private final int chunk;
  private final float[] logits;
  private final int[] single = new int[1];
  private final AtomicBoolean cancelled = new AtomicBoolean();
  private final BooleanSupplier isCancelled = cancelled::get;

  Session(Object turn, Sequence sequence, int chunk, int vocabSize) {
    this.turn = turn;
    this.sequence = sequence;
    this.chunk = chunk;
    this.logits = new float[vocabSize];
  }

  /** Tokens in the cache. */
  public int position() {
    return sequence.position();
  }

  /** Most tokens the cache holds. */
  public int contextLength() {
    return sequence.limit();
  }

  /** Length of a logits row. */
  public int vocabSize() {
    return logits.length;
  }

  /** Bytes of the cache now. */
  public long cacheBytes() {
    return sequence.cacheBytes();
  }

  /**
   * Appends tokens.
   *
   * @param tokens at least one id
   * @return logits after the last one; the array is reused by the next call
   * @throws NibbleException for an id outside the vocabulary or a full context
   * @throws CancellationException after {@link #cancel}; whole chunks may have been appended
   */
  public float[] prefill(int[] tokens) {
    if (tokens.length == 0) {
      throw new NibbleException("a prompt needs at least one token");
    }
    synchronized (turn) {
      int total = sequence.position() + tokens.length;
      for (int at = 0; at < tokens.length; at += chunk) {
        append(tokens, at, Math.min(chunk, tokens.length - at), total);
      }
      sequence.head((tokens.length - 1) % chunk, 1, logits);
    }
    return logits;
  }

  /** Appends one token: {@link #prefill} without allocation. */
  public float[] decode(int token) {
    synchronized (turn) {
      single[0] = token;
      append(single, 0, 1, sequence.position() + 1);
      sequence.head(0, 1, logits);
    }
    return logits;
  }

  private void append(int[] tokens, int at, int count, int total) {
    try {
      sequence.append(tokens, at, count, total, isCancelled);
    } catch (CancellationException e) {
      cancelled.set(false);
      throw e;
    }
  }

  /** Makes the running or the next call end with a {@link CancellationException}. */
  public void cancel() {
    cancelled.set(true);
  }

  /** Empties the cache and withdraws a pending cancellation. */
  public void reset() {
    rewind(0);
    cancelled.set(false);
  }

  /** Keeps the first {@code length} tokens, at most {@link #position}. */
  public void rewind(int length) {
    synchronized (turn) {
      sequence.truncate(length);
    }
  }
}
