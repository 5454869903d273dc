package dev.nibble.runtime.kernel;

import static dev.nibble.runtime.kernel.Lanes.WIDTH;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import dev.nibble.core.spec.ScaleFormat;
import dev.nibble.core.tensor.AffineTensor;
import dev.nibble.core.tensor.PackedTensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * Affine codes of 2, 4 or 8 bits. A vector holds one 32-bit word of codes per lane, so that
 * shifting it right brings the next code of every word down; the input is permuted to match. Scales
 * are applied per word, hence groups of whole words; zero-points become one subtraction per group
 * of {@code scale · zero · Σx}.
 */
final class AffineKernel implements MatmulKernel {
  private static final ValueLayout.OfInt LE32 =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(LITTLE_ENDIAN);
  private static final ValueLayout.OfShort LE16 =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(LITTLE_ENDIAN);

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
    private final AffineTensor weight;
    private final Bands bands;
    private final Bands scaleRows;
    private final int groups;
    private final int group;

    /** Codes per word. */
    private final int per = 32 / bits;

    /** Columns that fill whole vectors of words. */
    private final int whole;

    Bound(AffineTensor weight) {
      super(weight, name());
      this.weight = weight;
      this.groups = weight.groupsPerRow();
      this.group = groupColumns(weight);
      this.whole = columns() / (per * WIDTH) * (per * WIDTH);
      this.bands = new Bands(weight.codes(), rows(), AffineTensor.rowStride(columns(), bits));
      this.scaleRows =
          weight.groupSize() == 0
              ? null
              : new Bands(weight.scales(), rows(), (long) groups * weight.scaleFormat().bytes());
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
      if (scaleRows == null) {
        s.groupScales[0] = weight.scale(0, 0);
      } else if (weight.scaleFormat() == ScaleFormat.FP16) {
        MemorySegment.copy(scaleRows.of(row), LE16, scaleRows.at(row), s.shorts, 0, groups);
        Halves.toFloats(s.shorts, 0, s.groupScales, 0, groups);
      } else {
        for (int g = 0; g < groups; g++) {
          s.groupScales[g] = weight.scale(row, g);
        }
      }
      for (int g = 0; g < groups; g++) {
        s.groupZeros[g] = weight.zero(row, g);
      }
    }

    /** Repeats each group's scale for its words. */
    private void spread(Scratch s) {
      int words = whole / per;
      for (int g = 0, w = 0; w < words; g++) {
        int end = Math.min(words, (g + 1) * group / per);
        Arrays.fill(s.wordScales, w, end, s.groupScales[g]);
        w = end;
      }
    }

    @Override
    public void multiply(int from, int to, Input x, float[] y, int yOffset, Scratch scratch) {
      for (int r = from; r < to; r++) {
        groups(r, scratch);
        spread(scratch);
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
        for (int g = 0; g < groups; g++) {
          sum -= scratch.groupScales[g] * scratch.groupZeros[g] * x.sums[g];
        }
        y[yOffset + r] = sum;
      }
    }

    @Override
    public void decode(int from, int to, float[] out, int offset, Scratch scratch) {
      int o = offset;
      for (int r = from; r < to; r++) {
        groups(r, scratch);
        MemorySegment codes = bands.of(r);
        int at = bands.at(r);
        for (int g = 0, c = 0; c < columns(); g++) {
          float scale = scratch.groupScales[g];
          float zero = scratch.groupZeros[g];
          int end = Math.min(columns(), c + group);
          while (c < end) {
            int word = codes.get(LE32, at + c / per * 4);
            int stop = Math.min(end, (c / per + 1) * per);
            for (int shift = c % per * bits; c < stop; c++, shift += bits) {
              out[o++] = scale * (((word >>> shift) & ((1 << bits) - 1)) - zero);
            }
          }
        }
      }
    }

    private int code(MemorySegment codes, int at, int column) {
      int word = codes.get(LE32, at + column / per * 4);
      return (word >>> (column % per * bits)) & ((1 << bits) - 1);
    }
  }
}
