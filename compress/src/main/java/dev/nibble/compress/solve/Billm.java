package dev.nibble.compress.solve;

import dev.nibble.core.rounding.BinaryGrid;
import dev.nibble.core.tensor.BinaryPacker;
import dev.nibble.core.tensor.BinaryTensor;
import dev.nibble.core.work.Workers;

/**
 * BiLLM's arithmetic (Huang, Liu, Qin, Li, Zhang, Liu, Magno, Qi: "BiLLM: Pushing the Limit of
 * Post-Training Quantization for LLMs", ICML 2024; sheet 12e). Blocks of columns are binarized one
 * after the other: a few salient columns in two layers, the rest in one, its weights split into
 * small and large ones; then the block's error {@code E_j = (w_j - q_j) / U_jj} is pushed onto the
 * columns after the block, as in {@link Gptq}. Inside a block nothing is compensated: its layers
 * are fitted before the error of any column is known.
 *
 * <p>Time {@code rows · n} times some 300 passes of the search for salient columns and 100 of that
 * for the split, plus GPTQ's {@code rows · n²/2}; memory beyond the result {@code 9 rows · n}
 * bytes.
 */
final class Billm {
  private static final int BAND_ROWS = 16;

  private final Curvature curvature;
  private final BillmOptions options;
  private final Workers workers;
  private final int rows;
  private final int columns;
  private final int blocks;
  private final int scalarCount;
  private final double[][] x;
  private final byte[] codes;
  private final boolean[] salient;
  private final float[] scalars;

  private Billm(float[] w, Curvature curvature, BillmOptions options, Workers workers) {
    this.curvature = curvature;
    this.options = options;
    this.workers = workers;
    this.columns = curvature.size();
    this.rows = w.length / columns;
    this.blocks = Math.ceilDiv(columns, options.blockSize());
    this.scalarCount = BinaryTensor.scalarCount(true, options.centred());
    this.x = new double[rows][columns];
    this.codes = new byte[w.length];
    this.salient = new boolean[columns];
    this.scalars = new float[Math.multiplyExact(rows, blocks * scalarCount)];
    boolean[] dead = curvature.dead();
    for (int i = 0; i < w.length; i++) {
      x[i / columns][i % columns] = dead[i % columns] ? 0 : w[i];
    }
  }

  /**
   * A binarized matrix.
   *
   * @param packed the tensor; null when the arithmetic broke down
   * @param parameterBits bits per weight as the paper counts them: 2 for weights of salient
   *     columns, 1 for others
   */
  record Solution(BinaryTensor packed, double parameterBits) {}

  /**
   * Binarizes a matrix.
   *
   * @param w {@code [rows, curvature.size()]}, finite, not modified
   * @param curvature with its columns in stored order
   */
  static Solution solve(float[] w, Curvature curvature, BillmOptions options, Workers workers) {
    return new Billm(w, curvature, options, workers).run();
  }

  private Solution run() {
    for (int b = 0; b < blocks; b++) {
      int from = b * options.blockSize();
      int to = Math.min(columns, from + options.blockSize());
      float[] block = block(from, to);
      for (float value : block) {
        if (!Float.isFinite(value)) {
          return new Solution(null, Double.NaN);
        }
      }
      solveBlock(block, b, from, to);
    }
    int count = 0;
    for (boolean s : salient) {
      count += s ? 1 : 0;
    }
    BinaryTensor packed =
        BinaryPacker.pack(
            new long[] {rows, columns},
            options.blockSize(),
            options.centred(),
            options.scaleFormat(),
            codes,
            salient,
            scalars);
    return new Solution(packed, 1 + (double) count / columns);
  }

  private float[] block(int from, int to) {
    float[] out = new float[Math.multiplyExact(rows, to - from)];
    for (int r = 0, at = 0; r < rows; r++) {
      for (int c = from; c < to; c++) {
        out[at++] = (float) x[r][c];
      }
    }
    return out;
  }

  private void solveBlock(float[] block, int b, int from, int to) {
    int width = to - from;
    float[] salience = salience(block, from, width);
    float[] searched = options.searchesSalience() ? salience : block;
    BinaryMasks masks = new BinaryMasks(searched, width, options, workers);
    double[] scores = new double[width];
    for (int i = 0; i < salience.length; i++) {
      scores[i % width] += salience[i];
    }
    boolean[] important = masks.salient(scores);
    System.arraycopy(important, 0, salient, from, width);
    float split = masks.split(important);
    workers.forEach(
        Math.ceilDiv(rows, BAND_ROWS),
        band -> {
          int end = Math.min(rows, (band + 1) * BAND_ROWS);
          for (int row = band * BAND_ROWS; row < end; row++) {
            binarize(block, searched, split, row, b, from, to);
          }
        });
  }

  /** {@code w² / U_jj²}, or {@code |w|} (sheet 12e, step 3). */
  private float[] salience(float[] block, int from, int width) {
    float[] out = new float[block.length];
    double[] costs = curvature.lossCosts();
    for (int i = 0; i < out.length; i++) {
      double w = block[i];
      out[i] =
          (float)
              (options.metric() == BillmOptions.Metric.HESSIAN
                  ? w * w * costs[from + i % width]
                  : Math.abs(w));
    }
    return out;
  }

  /** Fits a row's layers to its masks, writes codes and scalars, and passes the error on. */
  private void binarize(
      float[] block, float[] searched, float split, int row, int b, int from, int to) {
    int width = to - from;
    float[][] kinds = new float[3][width];
    int[] counts = new int[3];
    byte[] kind = new byte[width];
    for (int j = 0; j < width; j++) {
      int at = row * width + j;
      kind[j] = (byte) (salient[from + j] ? 2 : Math.abs(searched[at]) < split ? 0 : 1);
      kinds[kind[j]][counts[kind[j]]++] = block[at];
    }
    BinaryGrid small = fit(kinds[0], counts[0]);
    BinaryGrid large = fit(kinds[1], counts[1]);
    BinaryGrid first = fit(kinds[2], counts[2]);
    for (int i = 0; i < counts[2]; i++) {
      kinds[2][i] -= first.value(first.code(kinds[2][i]));
    }
    BinaryGrid second = fit(kinds[2], counts[2]);
    int at = (row * blocks + b) * scalarCount;
    store(small, large, first, second, at);
    for (int j = 0; j < width; j++) {
      float w = block[row * width + j];
      codes[row * columns + from + j] =
          (byte)
              switch (kind[j]) {
                case 0 -> small.code(w);
                case 1 -> 2 + large.code(w);
                default -> first.code(w) + 2 * second.code(w - first.value(first.code(w)));
              };
    }
    if (options.compensate()) {
      passOn(row, at, from, to);
    }
  }

  private BinaryGrid fit(float[] values, int count) {
    return BinaryGrid.fit(values, 0, count, options.centred(), options.scaleFormat());
  }

  private void store(
      BinaryGrid small, BinaryGrid large, BinaryGrid first, BinaryGrid second, int at) {
    if (options.centred()) {
      float mean = options.scaleFormat().roundSigned((double) first.mean() + second.mean());
      scalars[at++] = small.mean();
      scalars[at++] = small.magnitude();
      scalars[at++] = large.mean();
      scalars[at++] = large.magnitude();
      scalars[at++] = mean;
    } else {
      scalars[at++] = small.magnitude();
      scalars[at++] = large.magnitude();
    }
    scalars[at++] = first.magnitude();
    scalars[at] = second.magnitude();
  }

  /** Pushes a row's errors in columns {@code [from, to)} onto the columns after them. */
  private void passOn(int row, int scalarsAt, int from, int to) {
    float[] levels = new float[BinaryTensor.LEVELS];
    BinaryTensor.levels(true, options.centred(), scalars, scalarsAt, levels);
    for (int p = from; p < to; p++) {
      float q = levels[codes[row * columns + p] + (salient[p] ? 4 : 0)];
      double[] u = curvature.factor().row(p);
      RowUpdates.subtract(x[row], to, columns, (x[row][p] - q) / u[0], u, p);
    }
  }

  /** Bytes of working memory for a matrix, beside the Hessian and its factor. */
  static long workingBytes(long rows, long columns) {
    return Math.multiplyExact(rows * columns, 9L);
  }
}
