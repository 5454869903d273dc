package dev.nibble.compress.solve;

import dev.nibble.compress.block.Seeds;
import dev.nibble.core.work.Workers;
import java.util.SplittableRandom;

/**
 * Adaptive rounding with linear feedback (QuIP, Chee et al. 2023, algorithm 1 and theorem 1; sheet
 * 08a, steps 5 and 6). With {@code H = L D Lᵀ}, from the last column to the first,
 *
 * <pre>
 *   q_i = grid(w_i + Σ_k&gt;i (w_k - q_k) L_ki)
 * </pre>
 *
 * <p>which is GPTQ run from the last column to the first (their theorem 6), reached without an
 * inverse. {@link #greedy} then goes over the columns again and moves each code to the best one for
 * the others as they are: the error {@code (w - q) H (w - q)ᵀ} never rises.
 *
 * <p>Rows are independent and run in bands, in parallel; the bits depend on neither band nor
 * threads. Time {@code rows · n²/2} multiply-adds in fp64 for the rounding, {@code rows · n²} for
 * the first greedy pass, less for the later.
 */
final class Ldlq {
  private static final int BAND_ROWS = 16;
  private static final int BLOCK = 128;
  private static final int TILE = 512;

  private final LdlFactor factor;
  private final Grids grids;
  private final float[] w;
  private final int columns;
  private final int rows;

  /** Grid of an element. */
  interface Grids {
    CodeGrid of(int row, int column);
  }

  /**
   * @param w {@code [rows, factor.size()]}, finite, not modified
   */
  Ldlq(LdlFactor factor, Grids grids, float[] w) {
    this.factor = factor;
    this.grids = grids;
    this.w = w;
    this.columns = factor.size();
    this.rows = w.length / columns;
  }

  /** Codes {@code [rows, columns]} of the nearest values. */
  static byte[] nearest(float[] w, int columns, Grids grids, Workers workers) {
    byte[] codes = new byte[w.length];
    workers.forEach(
        w.length / columns,
        row -> {
          for (int c = 0; c < columns; c++) {
            int at = row * columns + c;
            codes[at] = (byte) grids.of(row, c).nearest(w[at]);
          }
        });
    return codes;
  }

  /**
   * Rounds with feedback.
   *
   * @param unbiasedSeed seed of unbiased rounding, or null to round to nearest
   */
  byte[] round(Long unbiasedSeed, Workers workers) {
    byte[] codes = new byte[w.length];
    workers.forEach(
        Math.ceilDiv(rows, BAND_ROWS),
        band -> new Band(band * BAND_ROWS, codes).round(unbiasedSeed));
    return codes;
  }

  /**
   * Improves codes in place.
   *
   * @param passes most passes over the columns; ends earlier when nothing moves
   */
  void greedy(byte[] codes, int passes, Workers workers) {
    workers.forEach(
        Math.ceilDiv(rows, BAND_ROWS), band -> new Band(band * BAND_ROWS, codes).greedy(passes));
  }

  /** A few rows, so that L and H are read from memory once for all of them. */
  private final class Band {
    private final int first;
    private final int count;
    private final byte[] codes;

    Band(int first, byte[] codes) {
      this.first = first;
      this.count = Math.min(BAND_ROWS, rows - first);
      this.codes = codes;
    }

    void round(Long seed) {
      double[][] x = new double[count][columns];
      double[][] errors = new double[count][BLOCK];
      SplittableRandom[] noise = new SplittableRandom[count];
      for (int r = 0; r < count; r++) {
        for (int c = 0; c < columns; c++) {
          x[r][c] = w[(first + r) * columns + c];
        }
        noise[r] =
            seed == null
                ? null
                : new SplittableRandom(Seeds.derive(seed, Integer.toString(first + r)));
      }
      for (int to = columns; to > 0; to -= BLOCK) {
        int from = Math.max(0, to - BLOCK);
        for (int r = 0; r < count; r++) {
          roundBlock(r, x[r], errors[r], from, to, noise[r]);
        }
        for (int tile = 0; tile < from; tile += TILE) {
          for (int r = 0; r < count; r++) {
            for (int i = to - 1; i >= from; i--) {
              double e = errors[r][i - from];
              RowUpdates.subtract(x[r], tile, Math.min(from, tile + TILE), e, factor.lower()[i], 0);
            }
          }
        }
      }
    }

    private void roundBlock(
        int r, double[] x, double[] errors, int from, int to, SplittableRandom noise) {
      int base = (first + r) * columns;
      for (int i = to - 1; i >= from; i--) {
        CodeGrid grid = grids.of(first + r, i);
        int code = noise == null ? grid.nearest(x[i]) : grid.unbiased(x[i], noise.nextDouble());
        codes[base + i] = (byte) code;
        double excess = grid.value(code) - w[base + i];
        errors[i - from] = excess;
        RowUpdates.subtract(x, from, i, excess, factor.lower()[i], 0);
      }
    }

    void greedy(int passes) {
      double[][] gradients = new double[count][columns];
      for (int i = 0; i < columns; i++) {
        for (int r = 0; r < count; r++) {
          int at = (first + r) * columns + i;
          double error = w[at] - grids.of(first + r, i).value(codes[at] & 0xff);
          RowUpdates.subtract(gradients[r], 0, columns, -error, factor.hessian()[i], 0);
        }
      }
      boolean moved = true;
      for (int pass = 0; pass < passes && moved; pass++) {
        moved = false;
        for (int i = 0; i < columns; i++) {
          for (int r = 0; r < count; r++) {
            moved |= move(r, i, gradients[r]);
          }
        }
      }
    }

    /** {@code e H} of a row is its gradient; a code moves to the nearest of the best real value. */
    private boolean move(int r, int i, double[] gradient) {
      int at = (first + r) * columns + i;
      CodeGrid grid = grids.of(first + r, i);
      int code = codes[at] & 0xff;
      int better = grid.nearest(grid.value(code) + gradient[i] / factor.hessian()[i][i]);
      if (better == code) {
        return false;
      }
      codes[at] = (byte) better;
      double change = grid.value(better) - grid.value(code);
      RowUpdates.subtract(gradient, 0, columns, change, factor.hessian()[i], 0);
      return true;
    }
  }
}
