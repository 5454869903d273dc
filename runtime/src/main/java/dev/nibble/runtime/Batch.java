package dev.nibble.runtime;

import dev.nibble.core.NibbleException;
import dev.nibble.runtime.decoder.ForwardPass;
import dev.nibble.runtime.decoder.Rows;
import java.util.ArrayList;
import java.util.List;

/**
 * Several sessions of one model run together: each {@link #step} is one pass over the weights for
 * all that wait. Sessions may come and go between steps, at any positions; prompts and single
 * tokens mix. A pass takes at most a chunk of rows: first the sessions that wait for one token,
 * then prompts in the order they were added, a long one over several steps.
 *
 * <pre>{@code
 * Batch batch = model.newBatch();
 * batch.add(a, promptOfA);
 * batch.add(b, promptOfB);
 * batch.run();
 * while (...) {
 *   batch.add(a, sampler.next(a.logits(), 0));
 *   batch.add(b, sampler.next(b.logits(), 0));
 *   batch.step();
 * }
 * }</pre>
 *
 * <p>What happens to one session leaves the others alone. One that is cancelled drops out between
 * two blocks; one with a full context, a token outside the vocabulary or numbers that are not
 * finite is {@link Outcome#FAILED}. A session's logits are those it would have alone: the same bits
 * in steps of up to four rows, and apart by roundings (1e-6 of their size, 1e-4 with a cache of
 * half precision) in longer ones, for which float kernels add up in another order. Not safe for
 * concurrent use; decoding allocates nothing once the batch has its size.
 */
public final class Batch {
  private final ForwardPass pass;
  private final int chunk;
  private final int vocabSize;
  private final List<Entry> entries = new ArrayList<>();
  private final List<Entry> joined = new ArrayList<>();
  private float[] logits = {};

  /** What became of a session's tokens. */
  public enum Outcome {
    /** Some of them are still to be run. */
    WAITING,
    /** All are in the cache, and {@link Session#logits} belong to the last. */
    READY,
    /** {@link Session#cancel} was called; whole chunks may have been appended. */
    CANCELLED,
    /** See {@link Batch#failure}; whole chunks may have been appended. */
    FAILED
  }

  Batch(ForwardPass pass, int chunk, int vocabSize) {
    this.pass = pass;
    this.chunk = chunk;
    this.vocabSize = vocabSize;
  }

  /** A session and the tokens it waits for. */
  private static final class Entry {
    private final Session session;
    private final int[] single = new int[1];
    private int[] tokens;
    private int next;
    private int running;
    private Outcome outcome;
    private NibbleException failure;

    Entry(Session session) {
      this.session = session;
    }

    void set(int[] ids) {
      tokens = ids;
      next = 0;
      outcome = Outcome.WAITING;
      failure = null;
    }

    int remaining() {
      return outcome == Outcome.WAITING ? tokens.length - next : 0;
    }

    void fail(NibbleException e) {
      outcome = Outcome.FAILED;
      failure = e;
    }
  }

  /**
   * Adds one token to a session, which joins the batch if it is not in it. Until its tokens are run
   * nothing but {@link Session#cancel} may be called on it.
   *
   * @throws IllegalArgumentException when it is another model's
   * @throws IllegalStateException when it still waits
   */
  public void add(Session session, int token) {
    Entry entry = entry(session);
    entry.single[0] = token;
    entry.set(entry.single);
  }

  /**
   * As the other, with a prompt.
   *
   * @param tokens at least one id; copied
   */
  public void add(Session session, int[] tokens) {
    if (tokens.length == 0) {
      throw new NibbleException("a prompt needs at least one token");
    }
    entry(session).set(tokens.clone());
  }

  private Entry entry(Session session) {
    if (!session.runsOn(pass)) {
      throw new IllegalArgumentException("the session belongs to another model than the batch");
    }
    Entry found = find(session);
    if (found == null) {
      found = new Entry(session);
      entries.add(found);
    } else if (found.outcome == Outcome.WAITING) {
      throw new IllegalStateException("the session still waits; run the batch first");
    }
    return found;
  }

  private Entry find(Session session) {
    for (int i = 0; i < entries.size(); i++) {
      if (entries.get(i).session == session) {
        return entries.get(i);
      }
    }
    return null;
  }

  private Entry known(Session session) {
    Entry found = find(session);
    if (found == null) {
      throw new IllegalArgumentException("the session is not in the batch");
    }
    return found;
  }

  /** Takes a session out; its cache stays as it is. */
  public void remove(Session session) {
    entries.remove(known(session));
  }

  /** Sessions in the batch. */
  public int size() {
    return entries.size();
  }

  /** What became of the session's tokens. */
  public Outcome outcome(Session session) {
    return known(session).outcome;
  }

  /** Why the session {@link Outcome#FAILED}, else null. */
  public NibbleException failure(Session session) {
    return known(session).failure;
  }

  /** Steps until nobody waits. */
  public void run() {
    boolean more = true;
    while (more) {
      more = step();
    }
  }

  /**
   * One pass over the weights for the sessions that wait.
   *
   * @return whether some wait still
   */
  public boolean step() {
    synchronized (pass.turn()) {
      Rows rows = pass.begin();
      joined.clear();
      int room = join(rows, chunk, true);
      join(rows, room, false);
      if (!joined.isEmpty()) {
        runTogether(rows);
      }
    }
    for (int i = 0; i < entries.size(); i++) {
      if (entries.get(i).remaining() > 0) {
        return true;
      }
    }
    return false;
  }

  /** Lets those join that wait for one token, or those that wait for more; returns what is left. */
  private int join(Rows rows, int room, boolean single) {
    int left = room;
    for (int i = 0; i < entries.size() && left > 0; i++) {
      Entry entry = entries.get(i);
      int remaining = entry.remaining();
      if (remaining > 0 && (remaining == 1) == single) {
        left -= enter(entry, rows, Math.min(left, remaining));
      }
    }
    return left;
  }

  private int enter(Entry entry, Rows rows, int count) {
    int total = entry.session.position() + entry.remaining();
    try {
      entry.session.enter(rows, entry.tokens, entry.next, count, total);
    } catch (NibbleException e) {
      entry.fail(e);
      return 0;
    }
    entry.running = count;
    joined.add(entry);
    return count;
  }

  private void runTogether(Rows rows) {
    try {
      pass.run();
    } catch (NibbleException e) {
      apart(e);
      return;
    }
    finish(rows);
  }

  /** A pass failed and left all sequences as they were: the culprit is found one by one. */
  private void apart(NibbleException failure) {
    if (joined.size() == 1) {
      joined.getFirst().fail(failure);
      return;
    }
    List<Entry> all = List.copyOf(joined);
    for (Entry entry : all) {
      Rows rows = pass.begin();
      joined.clear();
      if (enter(entry, rows, entry.running) > 0) {
        runTogether(rows);
      }
    }
  }

  private void finish(Rows rows) {
    int wanted = 0;
    for (int i = 0; i < joined.size(); i++) {
      wanted += advance(joined.get(i), rows.dropped(i));
    }
    if (logits.length < wanted * vocabSize) {
      logits = new float[Math.multiplyExact(wanted, vocabSize)];
    }
    pass.heads(logits);
    int row = 0;
    for (int i = 0; i < joined.size(); i++) {
      Entry entry = joined.get(i);
      if (entry.outcome == Outcome.READY) {
        System.arraycopy(logits, row * vocabSize, entry.session.logits(), 0, vocabSize);
        row++;
      }
    }
  }

  /** Books what a pass did for a session; returns 1 when it is ready. */
  private static int advance(Entry entry, boolean dropped) {
    if (dropped) {
      entry.session.withdrawCancel();
      entry.outcome = Outcome.CANCELLED;
      return 0;
    }
    entry.next += entry.running;
    if (entry.next < entry.tokens.length) {
      return 0;
    }
    entry.outcome = Outcome.READY;
    return 1;
  }
}
