package dev.nibble.runtime.kernel;

import static dev.nibble.runtime.kernel.Lanes.WIDTH;

import dev.nibble.core.tensor.AffineTensor;
import dev.nibble.core.tensor.PackedTensor;
import java.lang.foreign.MemorySegment;

/**
 * Affine codes of 2, 4 or 8 bits. A vector holds one 32-bit word of codes per lane, so that
 * shifting it right brings the next code of every word down; the input is permuted to match. Scales
 * are applied per word, hence groups of whole words; zero-points become one subtraction per group
 * of {@code scale · zero · Σx}.
 */
final class AffineKernel implements MatmulKernel {
  private final int bits;

  AffineKernel(int bits) {
    this.bits = bits;
  }

  @Override
  public String name() {
    return "affine" + bits + "-words";
  }

  @Override
  public boolean accepts(PackedTensor weight) {
    if (!(weight instanceof AffineTensor a) || a.bits() != bits || a.groupIndex() != null) {
      return false;
    }
    return groupColumns(a) >= a.columns() || groupColumns(a) % (32 / bits) == 0;
  }

  @Override
  public Matrix bind(PackedTensor weight) {
    return new Bound((AffineTensor) weight);
  }

  private static int groupColumns(AffineTensor a) {
    return a.groupSize() == 0 ? a.columns() : a.groupSize();
  }

  private final class Bound extends RowMajor {
    private final ZeroRows zeros;
    private final BitStream stream;
    private final Bands bands;
    private final ScaleRows scales;
    private final int groups;
    private final int group;

    /** Codes per word. */
    private final int per = 32 / bits;

    /** Columns that fill whole vectors of words. */
    private final int whole;

    Bound(AffineTensor weight) {
      super(weight, name());
      this.zeros = new ZeroRows(weight);
      this.stream = new BitStream(bits);
      this.groups = weight.groupsPerRow();
      this.group = groupColumns(weight);
      this.whole = columns() / (per * WIDTH) * (per * WIDTH);
      this.bands = new Bands(weight.codes(), rows(), AffineTensor.rowStride(columns(), bits));
      this.scales =
          new ScaleRows(
              weight.scales(), weight.scaleFormat(), rows(), groups, weight.groupSize() == 0);
    }

    @Override
    public void prepare(float[] x, int offset, Input into) {
      for (int b = 0; b < whole; b += per * WIDTH) {
        for (int k = 0; k < per; k++) {
          for (int lane = 0; lane < WIDTH; lane++) {
            into.x[b + k * WIDTH + lane] = x[offset + b + lane * per + k];
          }
        }
      }
      System.arraycopy(x, offset + whole, into.x, whole, columns() - whole);
      into.sumGroups(x, offset, columns(), group);
    }

    /** Scales and zero-points of a row's groups into the scratch. */
    private void groups(int row, Scratch s) {
      scales.read(row, s);
      zeros.read(row, s);
    }

    @Override
    public void multiply(int from, int to, Input x, float[] y, int yOffset, Scratch scratch) {
      for (int r = from; r < to; r++) {
        groups(r, scratch);
        ScaleRows.spread(group, per, 0, whole / per, scratch);
        MemorySegment codes = bands.of(r);
        int at = bands.at(r);
        float sum =
            switch (bits) {
              case 8 -> WordDots.bits8(codes, at, whole, x.x, scratch.wordScales);
              case 4 -> WordDots.bits4(codes, at, whole, x.x, scratch.wordScales);
              default -> WordDots.bits2(codes, at, whole, x.x, scratch.wordScales);
            };
        for (int c = whole; c < columns(); c++) {
          sum += scratch.groupScales[c / group] * code(codes, at, c) * x.x[c];
        }
        y[yOffset + r] = sum - Stepped.zeros(scratch, x.sums, groups);
      }
    }

    @Override
    public void decode(int from, int to, float[] out, int offset, Scratch scratch) {
      for (int r = from; r < to; r++) {
        groups(r, scratch);
        int o = offset + (r - from) * columns();
        for (int c = 0; c < columns(); c += Scratch.STRETCH) {
          int count = Math.min(Scratch.STRETCH, columns() - c);
          if (bits == 8) {
            Bytes.floats(bands.of(r), bands.at(r) + c, count, scratch.codes);
          } else {
            stream.floats(bands.of(r), bands.at(r), c, count, scratch.codes);
          }
          Stepped.groups(scratch, c, count, group, out, o + c);
        }
      }
    }

    private int code(MemorySegment codes, int at, int column) {
      int word = codes.get(Bytes.LE32, at + column / per * 4);
      return (word >>> (column % per * bits)) & ((1 << bits) - 1);
    }
  }
}
