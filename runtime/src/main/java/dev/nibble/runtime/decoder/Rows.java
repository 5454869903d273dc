package dev.nibble.runtime.decoder;

import dev.nibble.core.NibbleException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.BooleanSupplier;

/**
 * The tokens of one forward pass: runs of consecutive rows, each run appended to a sequence of its
 * own. Reused from pass to pass; allocates nothing once it has its size.
 */
public final class Rows {
  private final List<Run> runs = new ArrayList<>();
  private int runCount;
  private int count;
  private int[] tokens = {};
  private int[] owners = {};

  Rows() {}

  /** Consecutive rows of one sequence. */
  static final class Run {
    private Sequence sequence;
    private int first;
    private int count;
    private int total;
    private boolean wanted;
    private BooleanSupplier cancelled;

    Sequence sequence() {
      return sequence;
    }

    /** Its first row. */
    int first() {
      return first;
    }

    /** Its rows; 0 when it was dropped. */
    int count() {
      return count;
    }

    /** Whether the logits of its last row are asked for. */
    boolean wanted() {
      return wanted && count > 0;
    }
  }

  void clear() {
    for (int i = 0; i < runCount; i++) {
      runs.get(i).sequence = null;
      runs.get(i).cancelled = null;
    }
    runCount = 0;
    count = 0;
  }

  /**
   * Adds a run.
   *
   * @param ids token ids, {@code length} from {@code offset}; copied
   * @param total length the sequence is known to reach; matters to length-dependent rotary scaling
   * @param wanted whether {@link ForwardPass#heads} gives the logits of the last of them
   * @param cancelled asked between blocks; a run that says yes is dropped and the others go on
   * @throws NibbleException for a token outside the vocabulary or a full context; nothing is added
   */
  public void add(
      Sequence sequence,
      int[] ids,
      int offset,
      int length,
      int total,
      boolean wanted,
      BooleanSupplier cancelled) {
    if (length < 1) {
      throw new IllegalArgumentException("a run needs at least one token");
    }
    for (int i = 0; i < runCount; i++) {
      if (runs.get(i).sequence == sequence) {
        throw new IllegalArgumentException("a sequence can have one run in a pass");
      }
    }
    sequence.check(ids, offset, length);
    if (runCount == runs.size()) {
      runs.add(new Run());
    }
    Run run = runs.get(runCount);
    run.sequence = sequence;
    run.first = count;
    run.count = length;
    run.total = total;
    run.wanted = wanted;
    run.cancelled = cancelled;
    if (tokens.length < count + length) {
      int room = Math.max(count + length, 2 * tokens.length);
      tokens = Arrays.copyOf(tokens, room);
      owners = Arrays.copyOf(owners, room);
    }
    System.arraycopy(ids, offset, tokens, count, length);
    Arrays.fill(owners, count, count + length, runCount);
    count += length;
    runCount++;
  }

  /** Rows of all runs. */
  public int count() {
    return count;
  }

  /** Runs added, dropped ones included. */
  public int runs() {
    return runCount;
  }

  /** Whether the {@code i}-th run added was dropped, its tokens not being appended. */
  public boolean dropped(int i) {
    return runs.get(i).count == 0;
  }

  Run run(int i) {
    return runs.get(i);
  }

  /** The run that a row belongs to. */
  Run ofRow(int row) {
    return runs.get(owners[row]);
  }

  /** For each row the number of its run. */
  int[] owners() {
    return owners;
  }

  int token(int row) {
    return tokens[row];
  }

  /** Makes room in the sequences. */
  void reserve() {
    for (int i = 0; i < runCount; i++) {
      Run run = runs.get(i);
      run.sequence.reserve(run.count, run.total);
    }
  }

  /** Appends the runs that were not dropped. */
  void commit() {
    for (int i = 0; i < runCount; i++) {
      runs.get(i).sequence.advance(runs.get(i).count);
    }
  }

  /**
   * Drops the runs that are cancelled and closes the gaps.
   *
   * @param x what the rows carry, {@code [count, width]}; moved along
   */
  void dropCancelled(float[] x, int width) {
    int kept = 0;
    for (int i = 0; i < runCount; i++) {
      Run run = runs.get(i);
      if (run.count > 0 && run.cancelled.getAsBoolean()) {
        run.count = 0;
      }
      if (run.first != kept) {
        System.arraycopy(x, run.first * width, x, kept * width, run.count * width);
        Arrays.fill(owners, kept, kept + run.count, i);
        run.first = kept;
      }
      kept += run.count;
    }
    count = kept;
  }
}
