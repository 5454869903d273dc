package dev.nibble.compress.solve;

import dev.nibble.core.rounding.AffineGrid;
import dev.nibble.core.rounding.GroupGrid;
import dev.nibble.core.spec.Granularity;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.spec.ScaleFormat;
import dev.nibble.core.tensor.AffinePacker;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.core.tensor.TablePacker;
import dev.nibble.core.work.Workers;
import java.util.Optional;

/**
 * The arithmetic of one matrix after incoherence processing: its grids, the nearest codes and the
 * adaptive ones, and their packing (sheet 08a, steps 4 to 6).
 */
final class QuipSite {
  private static final double SMALLEST = 1e-16;

  private final float[] w;
  private final long[] shape;
  private final int columns;
  private final QuantSpec spec;
  private final QuipOptions options;
  private final Workers workers;
  private final float[] scales;
  private final int[] zeros;
  private final CodeGrid[] grids;
  private final int width;

  /**
   * Fits the grids.
   *
   * @param w {@code [outputs, inputs]}, finite, not modified
   */
  QuipSite(float[] w, int columns, QuantSpec spec, QuipOptions options, Workers workers) {
    this.w = w;
    this.columns = columns;
    this.shape = new long[] {w.length / columns, columns};
    this.spec = spec;
    this.options = options;
    this.workers = workers;
    if (options.qfn() == QuipOptions.Qfn.B) {
      this.width = columns;
      this.scales = new float[] {sigma(w, options.sigmas())};
      this.zeros = null;
      int top = (1 << spec.bits()) - 1;
      this.grids = new CodeGrid[] {new CodeGrid(2.0 * scales[0] / top, top / 2.0, 0, top)};
    } else {
      this.width = spec.groupColumns(columns);
      int count = Math.toIntExact(spec.scaleCount(shape[0], columns));
      this.scales = new float[count];
      this.zeros = spec.symmetric() ? null : new int[count];
      this.grids = new CodeGrid[count];
      fit();
    }
  }

  private static float sigma(float[] w, double sigmas) {
    double sum = 0;
    for (float v : w) {
      sum += (double) v * v;
    }
    return (float) (sigmas * Math.sqrt(sum / w.length) + SMALLEST);
  }

  private void fit() {
    if (spec.granularity() == Granularity.TENSOR) {
      fit(0, w, 0, w.length);
      return;
    }
    int groups = spec.groups(columns);
    workers.forEach(
        Math.toIntExact(shape[0]),
        row -> {
          for (int g = 0; g < groups; g++) {
            int base = row * columns;
            fit(row * groups + g, w, base + g * width, base + Math.min(columns, (g + 1) * width));
          }
        });
  }

  private void fit(int at, float[] values, int from, int to) {
    AffineGrid grid =
        GroupGrid.fit(
            values,
            from,
            to,
            spec.bits(),
            options.gridOptions().flavourFor(spec),
            spec.scaleFormat(),
            options.gridOptions());
    grids[at] = CodeGrid.of(grid);
    scales[at] = grid.scale();
    if (zeros != null) {
      zeros[at] = grid.zero();
    }
  }

  private CodeGrid grid(int row, int column) {
    return grids.length == 1
        ? grids[0]
        : grids[row * Math.ceilDiv(columns, width) + column / width];
  }

  /** Rounded to nearest. */
  PackedTensor nearest() {
    return pack(Ldlq.nearest(w, columns, this::grid, workers));
  }

  /**
   * Rounded as the options say.
   *
   * @param seed of unbiased rounding
   * @return empty without a factor, or when feedback overflowed
   */
  Optional<PackedTensor> solved(Optional<LdlFactor> factor, long seed) {
    if (factor.isEmpty() || options.rounding() == QuipOptions.Rounding.NEAREST) {
      return Optional.empty();
    }
    Ldlq ldlq = new Ldlq(factor.get(), this::grid, w);
    byte[] codes =
        options.rounding().feedback()
            ? ldlq.round(options.unbiased() ? seed : null, workers)
            : Ldlq.nearest(w, columns, this::grid, workers);
    if (options.rounding().passes()) {
      ldlq.greedy(codes, options.passes(), workers);
    }
    return Optional.of(pack(codes));
  }

  private PackedTensor pack(byte[] codes) {
    if (options.qfn() == QuipOptions.Qfn.A) {
      return AffinePacker.pack(shape, spec, codes, scales, zeros, null);
    }
    QuipForm.MidRise form = new QuipForm.MidRise(spec.bits());
    return TablePacker.pack(shape, form.name(), form.levels(), 0, ScaleFormat.FP32, codes, scales);
  }

  /** Largest {@code |w| √(outputs · inputs) / ‖W‖}: the paper's μ. */
  static double incoherence(float[] w) {
    double sum = 0;
    float top = 0;
    for (float v : w) {
      sum += (double) v * v;
      top = Math.max(top, Math.abs(v));
    }
    return sum == 0 ? 1 : top * Math.sqrt(w.length / sum);
  }
}
