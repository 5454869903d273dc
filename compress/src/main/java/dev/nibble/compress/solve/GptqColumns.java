package dev.nibble.compress.solve;

import dev.nibble.compress.allocate.Assignment;
import dev.nibble.core.NibbleException;
import dev.nibble.core.format.Binary;
import dev.nibble.core.rounding.AffineGrid;
import dev.nibble.core.rounding.BinaryGrid;
import dev.nibble.core.rounding.CodeGrid;
import dev.nibble.core.rounding.GridFlavour;
import dev.nibble.core.rounding.GroupGrid;
import dev.nibble.core.spec.Granularity;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.tensor.AffinePacker;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.core.work.Workers;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * {@link Gptq} with blocks of columns of several widths (SliM-LLM, sheet 10, steps 5 to 7): a block
 * is a group, its grid that of its width, and its error goes onto all later columns alike. A binary
 * spec stands for {@code mean ± magnitude}.
 */
final class GptqColumns {
  private static final int BAND_ROWS = 16;

  private final float[] w;
  private final int rows;
  private final int columns;
  private final Curvature curvature;
  private final Assignment.Columns assignment;
  private final int[] classes;
  private final GptqOptions options;
  private final SalientGrids salience;

  private GptqColumns(
      float[] w, Curvature curvature, Assignment.Columns assignment, GptqOptions options) {
    this.w = w;
    this.columns = curvature.size();
    this.rows = w.length / columns;
    this.curvature = curvature;
    this.assignment = assignment;
    this.classes = assignment.blockClass();
    this.options = options;
    this.salience =
        options
            .salience()
            .map(s -> new SalientGrids(w, curvature, assignment.blockColumns(), s))
            .orElse(null);
  }

  /**
   * Refuses what cannot be done.
   *
   * @param site named in the message
   * @throws NibbleException when a spec does not have a scale for each row of a block, or the
   *     options ask for groups that are not consecutive columns or for an earlier step's grids
   */
  static void check(Assignment.Columns assignment, GptqOptions options, String site) {
    for (QuantSpec spec : assignment.specs()) {
      boolean grid = spec.affine() || spec.format() instanceof Binary;
      boolean fits =
          spec.granularity() == Granularity.GROUP && spec.groupSize() == assignment.blockColumns();
      if (!grid || !fits) {
        throw refusal(site, "cannot have " + spec.text() + " in blocks of its columns");
      }
    }
    if (options.keepGrid() || (options.actOrder() && !options.staticGroups())) {
      throw refusal(
          site,
          "has specs by blocks of columns; leave keep_grid out, and act_order or static_groups:"
              + " false");
    }
  }

  private static NibbleException refusal(String site, String what) {
    return new NibbleException("gptq: " + site + " " + what, NibbleException.USAGE, null);
  }

  /** Solves a matrix; empty when the arithmetic broke down. */
  static Optional<PackedTensor> solve(
      float[] w,
      Curvature curvature,
      Assignment.Columns assignment,
      GptqOptions options,
      Workers workers) {
    return new GptqColumns(w, curvature, assignment, options).run(workers);
  }

  private Optional<PackedTensor> run(Workers workers) {
    CodeGrid[] grids = new CodeGrid[rows * classes.length];
    if (options.staticGroups()) {
      workers.forEach(
          Math.ceilDiv(rows, BAND_ROWS),
          band -> fitRows(band * BAND_ROWS, Math.min(rows, (band + 1) * BAND_ROWS), grids));
    }
    byte[] codes = new byte[w.length];
    double[] losses = new double[rows];
    GptqBand.Problem problem =
        new GptqBand.Problem(
            w,
            curvature,
            options.blockSize(),
            assignment.blockColumns(),
            !options.staticGroups(),
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
    return Double.isFinite(Arrays.stream(losses).sum())
        ? Optional.of(pack(codes, grids))
        : Optional.empty();
  }

  private void fitRows(int from, int to, CodeGrid[] grids) {
    int width = assignment.blockColumns();
    boolean[] dead = curvature.dead();
    for (int row = from; row < to; row++) {
      float[] values = Arrays.copyOfRange(w, row * columns, (row + 1) * columns);
      for (int c = 0; c < columns; c++) {
        values[c] = dead[c] ? 0f : values[c];
      }
      for (int g = 0; g < classes.length; g++) {
        int end = Math.min(columns, (g + 1) * width);
        grids[row * classes.length + g] = fit(values, g * width, end, g * width);
      }
    }
  }

  private CodeGrid fit(float[] values, int from, int to, int first) {
    QuantSpec spec = assignment.specs().get(classes[first / assignment.blockColumns()]);
    if (spec.format() instanceof Binary) {
      return BinaryGrid.fit(values, from, to, true, spec.scaleFormat());
    }
    GridFlavour flavour = options.rounding().flavourFor(spec);
    return salience == null
        ? GroupGrid.fit(
            values, from, to, spec.bits(), flavour, spec.scaleFormat(), options.rounding())
        : salience.fit(values, from, to, first, spec.bits(), flavour, spec.scaleFormat());
  }

  private PackedTensor pack(byte[] codes, CodeGrid[] grids) {
    Parts parts = Parts.of(assignment, rows, columns);
    List<PackedTensor> stored = parts.parts().stream().map(p -> pack(p, codes, grids)).toList();
    return parts.join(new long[] {rows, columns}, stored);
  }

  private PackedTensor pack(Parts.Part part, byte[] codes, CodeGrid[] grids) {
    int[] members = part.members();
    int block = assignment.blockColumns();
    int groups = Math.ceilDiv(members.length, block);
    byte[] own = new byte[Math.multiplyExact(rows, members.length)];
    CodeGrid[] ownGrids = new CodeGrid[rows * groups];
    for (int row = 0; row < rows; row++) {
      for (int c = 0; c < members.length; c++) {
        own[row * members.length + c] = codes[row * columns + members[c]];
      }
      for (int g = 0; g < groups; g++) {
        ownGrids[row * groups + g] = grids[row * classes.length + members[g * block] / block];
      }
    }
    QuantSpec spec = part.spec();
    if (spec.format() instanceof Binary) {
      return BinaryRounding.pack(own, rows, members.length, block, ownGrids, spec.scaleFormat());
    }
    float[] scales = new float[ownGrids.length];
    int[] zeros = new int[ownGrids.length];
    for (int i = 0; i < scales.length; i++) {
      AffineGrid grid = (AffineGrid) ownGrids[i];
      scales[i] = grid.scale();
      zeros[i] = grid.zero();
    }
    return AffinePacker.pack(
        new long[] {rows, members.length},
        spec,
        own,
        scales,
        spec.symmetric() ? null : zeros,
        null);
  }
}
