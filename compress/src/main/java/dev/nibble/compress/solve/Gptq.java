package dev.nibble.compress.solve;

import dev.nibble.core.rounding.AffineGrid;
import dev.nibble.core.rounding.CodeGrid;
import dev.nibble.core.rounding.GroupGrid;
import dev.nibble.core.spec.Granularity;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.tensor.AffinePacker;
import dev.nibble.core.tensor.AffineTensor;
import dev.nibble.core.work.Workers;
import java.util.Arrays;

/**
 * GPTQ's arithmetic (Frantar, Ashkboos, Hoefler, Alistarh: "GPTQ: Accurate Post-Training
 * Quantization for Generative Pre-trained Transformers", ICLR 2023, algorithm 1; sheet 12b, steps 7
 * and 8): columns are quantized one after the other, and each column's rounding error is pushed
 * onto the columns not yet quantized. With {@code A⁻¹ = UᵀU} of the damped Hessian A, column p:
 *
 * <pre>
 *   q_p = grid(w_p),   e_p = (w_p - q_p) / U_pp,   w_j -= e_p U_pj  for j &gt; p
 * </pre>
 *
 * so that {@code Σ e² = tr((W - Q) A (W - Q)ᵀ)} exactly (W with dead columns zeroed).
 *
 * <p>Rows are independent and are solved in bands, in parallel ({@link GptqBand}); the codes are
 * the same bits for any block size, band or number of threads.
 *
 * <p>Time {@code rows · n²/2} multiply-adds in fp64; memory beyond the result 8n bytes for each row
 * at work.
 */
final class Gptq {
  private static final int BAND_ROWS = 16;

  private final float[] w;
  private final int rows;
  private final int columns;
  private final Curvature curvature;
  private final QuantSpec spec;
  private final GptqOptions options;
  private final SalientGrids salience;

  private Gptq(float[] w, Curvature curvature, QuantSpec spec, GptqOptions options) {
    this.w = w;
    this.columns = curvature.size();
    this.rows = w.length / columns;
    this.curvature = curvature;
    this.spec = spec;
    this.options = options;
    this.salience =
        options
            .salience()
            .map(s -> new SalientGrids(w, curvature, spec.groupColumns(columns), s))
            .orElse(null);
  }

  /**
   * A solved matrix.
   *
   * @param codes unsigned, {@code [rows, columns]} in stored order
   * @param scales {@code [rows, groups]}; one for TENSOR
   * @param zeros likewise, or null for a symmetric spec
   * @param groupIndex group of each column, or null when groups are consecutive
   * @param loss {@code Σ e²}; not finite when the arithmetic broke down and the rest is worthless
   */
  record Solution(byte[] codes, float[] scales, int[] zeros, int[] groupIndex, double loss) {
    AffineTensor pack(int rows, int columns, QuantSpec spec) {
      return AffinePacker.pack(new long[] {rows, columns}, spec, codes, scales, zeros, groupIndex);
    }
  }

  /**
   * Solves a matrix, fitting the grids.
   *
   * @param w {@code [rows, curvature.size()]}, finite, not modified
   * @param spec an integer spec per tensor, channel or group
   */
  static Solution solve(
      float[] w, Curvature curvature, QuantSpec spec, GptqOptions options, Workers workers) {
    Gptq gptq = new Gptq(w, curvature, spec, options);
    CodeGrid[] grids = new CodeGrid[gptq.rows * spec.groups(gptq.columns)];
    if (spec.granularity() == Granularity.TENSOR) {
      float[] live = w.clone();
      gptq.clearDead(live);
      Arrays.fill(grids, gptq.fit(live, 0, live.length, 0));
    } else if (!options.dynamicGroups(spec)) {
      workers.forEach(
          Math.ceilDiv(gptq.rows, BAND_ROWS),
          band -> gptq.fitRows(band * BAND_ROWS, (band + 1) * BAND_ROWS, grids));
    }
    return gptq.run(grids, options.dynamicGroups(spec), workers);
  }

  /** Solves a matrix on the grids of {@code on}: same shape and spec, consecutive groups. */
  static Solution solveOn(
      AffineTensor on,
      float[] w,
      Curvature curvature,
      QuantSpec spec,
      GptqOptions options,
      Workers workers) {
    Gptq gptq = new Gptq(w, curvature, spec, options);
    int groups = spec.groups(gptq.columns);
    CodeGrid[] grids = new CodeGrid[gptq.rows * groups];
    AffineGrid like = gptq.plain(new float[] {-1, 1}, 0, 2);
    for (int i = 0; i < grids.length; i++) {
      float scale = on.scale(i / groups, i % groups);
      int zero = on.zero(i / groups, i % groups);
      grids[i] = new AffineGrid(scale, zero, like.lowCode(), like.highCode());
    }
    return gptq.run(grids, false, workers);
  }

  /** The same tensor with its consecutive groups spelt out in a stored group index. */
  static AffineTensor withConsecutiveGroups(AffineTensor tensor, QuantSpec spec) {
    int columns = tensor.columns();
    byte[] codes = new byte[Math.toIntExact(tensor.elements())];
    int groups = tensor.groupsPerRow();
    float[] scales = new float[Math.toIntExact(tensor.rows() * groups)];
    int[] zeros = tensor.symmetric() ? null : new int[scales.length];
    int[] index = new int[columns];
    for (int c = 0; c < columns; c++) {
      index[c] = tensor.groupOf(c);
    }
    for (int row = 0; row < tensor.rows(); row++) {
      for (int c = 0; c < columns; c++) {
        codes[row * columns + c] = (byte) tensor.code(row, c);
      }
      for (int g = 0; g < groups; g++) {
        scales[row * groups + g] = tensor.scale(row, g);
        if (zeros != null) {
          zeros[row * groups + g] = tensor.zero(row, g);
        }
      }
    }
    return AffinePacker.pack(tensor.shape(), spec, codes, scales, zeros, index);
  }

  /** Columns of dead inputs carry no information and become zero. */
  private void clearDead(float[] values) {
    boolean[] dead = curvature.dead();
    for (int i = 0; i < values.length; i++) {
      if (dead[i % columns]) {
        values[i] = 0f;
      }
    }
  }

  /** Grids of the consecutive groups of some rows, from the original weights. */
  private void fitRows(int from, int to, CodeGrid[] grids) {
    int width = spec.groupColumns(columns);
    int groups = spec.groups(columns);
    for (int row = from; row < Math.min(rows, to); row++) {
      float[] values = Arrays.copyOfRange(w, row * columns, (row + 1) * columns);
      clearDead(values);
      for (int g = 0; g < groups; g++) {
        grids[row * groups + g] =
            fit(values, g * width, Math.min(columns, (g + 1) * width), g * width);
      }
    }
  }

  private AffineGrid fit(float[] values, int from, int to, int first) {
    return salience == null
        ? plain(values, from, to)
        : salience.fit(
            values,
            from,
            to,
            first,
            spec.bits(),
            options.rounding().flavourFor(spec),
            spec.scaleFormat());
  }

  private AffineGrid plain(float[] values, int from, int to) {
    return GroupGrid.fit(
        values,
        from,
        to,
        spec.bits(),
        options.rounding().flavourFor(spec),
        spec.scaleFormat(),
        options.rounding());
  }

  private Solution run(CodeGrid[] grids, boolean dynamic, Workers workers) {
    byte[] codes = new byte[w.length];
    double[] losses = new double[rows];
    GptqBand.Problem problem =
        new GptqBand.Problem(
            w,
            curvature,
            options.blockSize(),
            spec.groupColumns(columns),
            dynamic,
            this::fit,
            grids,
            codes,
            losses);
    workers.forEach(
        Math.ceilDiv(rows, BAND_ROWS),
        band -> {
          int from = band * BAND_ROWS;
          new GptqBand(problem, from, Math.min(BAND_ROWS, rows - from)).solve();
        });
    double loss = Arrays.stream(losses).reduce(0, Double::sum);
    return solution(grids, codes, loss);
  }

  private Solution solution(CodeGrid[] grids, byte[] codes, double loss) {
    int count = Math.toIntExact(spec.scaleCount(rows, columns));
    float[] scales = new float[count];
    int[] zeros = new int[count];
    for (int i = 0; i < count; i++) {
      AffineGrid grid = (AffineGrid) grids[i];
      scales[i] = grid.scale();
      zeros[i] = grid.zero();
    }
    return new Solution(codes, scales, spec.symmetric() ? null : zeros, groupIndex(), loss);
  }

  private int[] groupIndex() {
    if (!options.storesGroupIndex(spec)) {
      return null;
    }
    int[] out = new int[columns];
    for (int p = 0; p < columns; p++) {
      out[curvature.order()[p]] = p / spec.groupColumns(columns);
    }
    return out;
  }
}
