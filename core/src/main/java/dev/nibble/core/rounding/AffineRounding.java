package dev.nibble.core.rounding;

import dev.nibble.core.spec.Granularity;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.spec.ScaleFormat;
import dev.nibble.core.tensor.AffinePacker;
import dev.nibble.core.tensor.AffineTensor;
import dev.nibble.core.work.Workers;

/** Round-to-nearest on integer grids. */
final class AffineRounding {
  private final float[] w;
  private final long[] shape;
  private final int columns;
  private final QuantSpec spec;
  private final RoundingOptions options;
  private final GridFlavour flavour;
  private final byte[] codes;
  private final float[] scales;
  private final int[] zeros;

  AffineRounding(float[] w, long[] shape, int columns, QuantSpec spec, RoundingOptions options) {
    this.w = w;
    this.shape = shape;
    this.columns = columns;
    this.spec = spec;
    this.options = options;
    this.flavour = options.flavourFor(spec);
    this.codes = new byte[w.length];
    int rows = columns == 0 ? 0 : w.length / columns;
    this.scales = new float[Math.toIntExact(spec.scaleCount(rows, columns))];
    this.zeros = new int[scales.length];
  }

  AffineTensor pack(Workers workers) {
    if (spec.granularity() == Granularity.TENSOR) {
      quantize(0, w.length, 0);
    } else {
      int rows = columns == 0 ? 0 : w.length / columns;
      RoundToNearest.forEachRow(rows, workers, this::quantizeRow);
    }
    return AffinePacker.pack(shape, spec, codes, scales, spec.symmetric() ? null : zeros, null);
  }

  private void quantizeRow(int row) {
    int width = spec.groupColumns(columns);
    int group = row * spec.groups(columns);
    for (int c = 0; c < columns; c += width) {
      quantize(row * columns + c, row * columns + Math.min(columns, c + width), group++);
    }
  }

  private void quantize(int from, int to, int group) {
    AffineGrid grid = GroupGrid.fit(w, from, to, spec.bits(), flavour, scaleFormat(), options);
    scales[group] = grid.scale();
    zeros[group] = grid.zero();
    for (int i = from; i < to; i++) {
      codes[i] = (byte) grid.code(w[i]);
    }
  }

  private ScaleFormat scaleFormat() {
    return spec.scaleFormat();
  }
}
