package dev.nibble.runtime;

import dev.nibble.core.NibbleException;
import dev.nibble.runtime.decoder.ForwardPass;
import dev.nibble.runtime.decoder.Rows;
import dev.nibble.runtime.decoder.Sequence;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;

/**
 * One conversation: a key-value cache and the position in it. Calls must not overlap, except {@link
 * #cancel}, which any thread may call. Sessions of one model take turns, chunk by chunk, or run
 * together in a {@link Batch}.
 */
public final class Session {
  private final ForwardPass pass;
  private final Sequence sequence;
  private final int chunk;
  private final float[] logits;
  private final int[] single = new int[1];
  private final AtomicBoolean cancelled = new AtomicBoolean();
  private final BooleanSupplier isCancelled = cancelled::get;

  Session(ForwardPass pass, Sequence sequence, int chunk, int vocabSize) {
    this.pass = pass;
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

  /** Bytes that this session holds now: its cache and a row of logits. */
  public long byteSize() {
    return sequence.cacheBytes() + 4L * logits.length;
  }

  /**
   * Logits after the last token that {@link #prefill}, {@link #decode} or a batch appended; zeros
   * before the first.
   *
   * @return {@code [vocab]}; the array is reused by the next of them
   */
  public float[] logits() {
    return logits;
  }

  /**
   * Appends tokens.
   *
   * @param tokens at least one id
   * @return {@link #logits}
   * @throws NibbleException for an id outside the vocabulary or a full context; nothing is appended
   * @throws CancellationException after {@link #cancel}; whole chunks may have been appended
   */
  public float[] prefill(int[] tokens) {
    if (tokens.length == 0) {
      throw new NibbleException("a prompt needs at least one token");
    }
    append(tokens);
    return logits;
  }

  /** Appends one token: {@link #prefill} without allocation. */
  public float[] decode(int token) {
    single[0] = token;
    append(single);
    return logits;
  }

  private void append(int[] tokens) {
    sequence.check(tokens, 0, tokens.length);
    int total = sequence.position() + tokens.length;
    for (int at = 0; at < tokens.length; at += chunk) {
      int count = Math.min(chunk, tokens.length - at);
      synchronized (pass.turn()) {
        Rows rows = pass.begin();
        enter(rows, tokens, at, count, total);
        pass.run();
        if (rows.dropped(0)) {
          withdrawCancel();
          throw new CancellationException("cancelled");
        }
        pass.heads(logits);
      }
    }
  }

  /**
   * Adds the next of its tokens to a pass.
   *
   * @param total length after all tokens that are known
   */
  void enter(Rows rows, int[] tokens, int at, int count, int total) {
    boolean last = sequence.position() + count == total;
    rows.add(sequence, tokens, at, count, total, last, isCancelled);
  }

  /** Whether it belongs to the model of that pass. */
  boolean runsOn(ForwardPass other) {
    return pass == other;
  }

  /** Makes the running or the next call end with a {@link CancellationException}. */
  public void cancel() {
    cancelled.set(true);
  }

  /** Empties the cache and withdraws a pending cancellation. */
  public void reset() {
    rewind(0);
    withdrawCancel();
  }

  void withdrawCancel() {
    cancelled.set(false);
  }

  /** Keeps the first {@code length} tokens, at most {@link #position}. */
  public void rewind(int length) {
    sequence.truncate(length);
  }
}
