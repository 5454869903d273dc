package dev.nibble.runtime.decoder;

import dev.nibble.core.op.ActivationQuant;
import dev.nibble.core.op.OnlineTransform;
import dev.nibble.core.op.SiteOps;
import dev.nibble.runtime.kernel.Team;
import java.util.List;

/**
 * Inputs of linear sites after their online transforms and quantizer. Sites that share an input and
 * have the same operators (q, k, v) share the result.
 */
final class SiteInputs implements Team.Task {
  private final Team team;
  private int[] owners = {};
  private float[] buffer = {};
  private SiteOps held;
  private int fills;
  private SiteOps ops;
  private float[] source;
  private int at;
  private int columns;
  private int rows;

  SiteInputs(Team team) {
    this.team = team;
  }

  void reserve(int floats) {
    if (buffer.length < floats) {
      buffer = new float[floats];
    }
  }

  /**
   * Says which rows belong together: consecutive ones with the same number. A dynamic quantizer
   * with one scale for a whole tensor takes each such group for one.
   */
  void owners(int[] owners) {
    this.owners = owners;
  }

  /** A new shared input follows: forgets what was held. */
  void start() {
    held = null;
  }

  /** How often the buffer has been filled: when it has not, it holds what it held. */
  int fills() {
    return fills;
  }

  /** The site's input: {@code x} itself for a plain site, else an array that starts at index 0. */
  float[] of(Linear site, float[] x, int offset, int count) {
    if (site.ops().plainInput()) {
      return x;
    }
    if (held != null && sameInput(site.ops(), held)) {
      return buffer;
    }
    held = site.ops();
    fills++;
    ops = site.ops();
    source = x;
    at = offset;
    columns = site.inputs();
    rows = count;
    boolean rowwise =
        ops.inputQuant()
            .map(a -> a.granularity() != ActivationQuant.Granularity.TENSOR || a.isStatic())
            .orElse(true);
    if (rowwise) {
      team.run(count, this);
    } else {
      System.arraycopy(x, offset, buffer, 0, count * columns);
      for (int from = 0, to; from < rows; from = to) {
        to = from + 1;
        while (to < rows && owners[to] == owners[from]) {
          to++;
        }
        apply(ops, buffer, from * columns, to - from, columns);
      }
    }
    return buffer;
  }

  private static boolean sameInput(SiteOps a, SiteOps b) {
    return a.inputQuant().equals(b.inputQuant())
        && a.onlineTransforms().equals(b.onlineTransforms());
  }

  @Override
  public void run(int row, int worker) {
    System.arraycopy(source, at + row * columns, buffer, row * columns, columns);
    apply(ops, buffer, row * columns, 1, columns);
  }

  /** Transforms, then quantizes, {@code rows} rows in place. */
  static void apply(SiteOps ops, float[] x, int offset, int rows, int columns) {
    transform(ops.onlineTransforms(), x, offset, rows, columns);
    if (ops.inputQuant().isPresent()) {
      ops.inputQuant().get().fakeQuantize(x, offset, rows, columns);
    }
  }

  /** Transforms {@code rows} rows in place. */
  static void transform(
      List<OnlineTransform> transforms, float[] x, int offset, int rows, int columns) {
    for (int i = 0; i < transforms.size(); i++) {
      for (int row = 0; row < rows; row++) {
        transforms.get(i).apply(x, offset + row * columns, columns);
      }
    }
  }
}
