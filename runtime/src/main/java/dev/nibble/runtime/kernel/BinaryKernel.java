package dev.nibble.runtime.kernel;

import static dev.nibble.runtime.kernel.Lanes.F;
import static dev.nibble.runtime.kernel.Lanes.I;
import static dev.nibble.runtime.kernel.Lanes.WIDTH;

import dev.nibble.core.tensor.BinaryTensor;
import dev.nibble.core.tensor.BitPacking;
import dev.nibble.core.tensor.PackedTensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Weights of one or two bits: sign, second bit and salience of a column make an index into the
 * eight values of a row's block, which lie in one or two vector registers.
 */
final class BinaryKernel implements MatmulKernel {

  @Override
  public String name() {
    return "binary-levels";
  }

  /** Blocks of whole vectors, so that a vector's bits lie in one word and one block. */
  @Override
  public boolean accepts(PackedTensor weight) {
    return weight instanceof BinaryTensor b
        && (b.blockSize() % 16 == 0 || b.blockSize() >= b.columns());
  }

  @Override
  public Matrix bind(PackedTensor weight) {
    return new Bound((BinaryTensor) weight, name());
  }

  private static final class Bound extends RowMajor {
    private final BinaryTensor weight;
    private final Bands signs;
    private final Bands seconds;
    private final int[] salient;
    private final ScaleRows scalars;
    private final int block;
    private final IntVector lanes = IntVector.zero(I).addIndex(1);

    Bound(BinaryTensor weight, String kernel) {
      super(weight, kernel);
      this.weight = weight;
      this.block = Math.min(weight.blockSize(), Math.max(1, columns()));
      long stride = BitPacking.paddedBytes(columns(), 1);
      this.signs = new Bands(weight.signs(), rows(), stride);
      this.seconds = weight.seconds() == null ? null : new Bands(weight.seconds(), rows(), stride);
      this.salient =
          weight.salient() == null
              ? new int[Math.ceilDiv(columns(), 32)]
              : weight.salient().toArray(Bytes.LE32);
      int perRow = weight.blocksPerRow() * weight.scalarCount();
      this.scalars = new ScaleRows(weight.scalars(), weight.scaleFormat(), rows(), perRow, false);
    }

    /**
     * The values of a block of the row whose scalars were read, as bits into {@link Scratch#table}.
     */
    private void table(int of, Scratch s) {
      weight.levels(s.groupScales, of, s.levels);
      for (int i = 0; i < BinaryTensor.LEVELS; i++) {
        s.table[i] = Float.floatToRawIntBits(s.levels[i]);
      }
    }

    @Override
    public void multiply(int from, int to, Input x, float[] y, int yOffset, Scratch s) {
      for (int r = from; r < to; r++) {
        scalars.read(r, s);
        FloatVector sums = FloatVector.zero(F);
        float rest = 0;
        for (int b = 0, start = 0; start < columns(); b++, start += block) {
          table(b, s);
          int end = Math.min(columns(), start + block);
          int whole = start + (end - start) / WIDTH * WIDTH;
          IntVector low = IntVector.fromArray(I, s.table, 0);
          IntVector high = IntVector.fromArray(I, s.table, WIDTH % BinaryTensor.LEVELS);
          for (int c = start; c < whole; c += WIDTH) {
            sums = values(r, c, low, high).fma(FloatVector.fromArray(F, x.x, c), sums);
          }
          for (int c = whole; c < end; c++) {
            rest += s.levels[index(r, c)] * x.x[c];
          }
        }
        y[yOffset + r] = Lanes.sum(sums) + rest;
      }
    }

    @Override
    public void decode(int from, int to, float[] out, int offset, Scratch s) {
      for (int r = from; r < to; r++) {
        scalars.read(r, s);
        int o = offset + (r - from) * columns();
        for (int b = 0, start = 0; start < columns(); b++, start += block) {
          table(b, s);
          int end = Math.min(columns(), start + block);
          int whole = start + (end - start) / WIDTH * WIDTH;
          IntVector low = IntVector.fromArray(I, s.table, 0);
          IntVector high = IntVector.fromArray(I, s.table, WIDTH % BinaryTensor.LEVELS);
          for (int c = start; c < whole; c += WIDTH) {
            values(r, c, low, high).intoArray(out, o + c);
          }
          for (int c = whole; c < end; c++) {
            out[o + c] = s.levels[index(r, c)];
          }
        }
      }
    }

    /** Values of the {@code WIDTH} weights from column {@code c}, which begin inside one word. */
    private FloatVector values(int row, int c, IntVector low, IntVector high) {
      int word = c >> 5 << 2;
      MemorySegment data = signs.of(row);
      IntVector index = bits(data.get(Bytes.LE32, signs.at(row) + word), c);
      if (seconds != null) {
        MemorySegment more = seconds.of(row);
        index =
            index.or(
                bits(more.get(Bytes.LE32, seconds.at(row) + word), c)
                    .lanewise(VectorOperators.LSHL, 1));
        index = index.or(bits(salient[c >> 5], c).lanewise(VectorOperators.LSHL, 2));
      }
      IntVector found = index.selectFrom(low);
      if (WIDTH < BinaryTensor.LEVELS) {
        found = found.blend(index.selectFrom(high), index.compare(VectorOperators.GE, WIDTH));
      }
      return found.reinterpretAsFloats();
    }

    /** A bit of a word in each lane, from bit {@code c % 32} on. */
    private IntVector bits(int word, int c) {
      return IntVector.broadcast(I, word >>> (c & 31)).lanewise(VectorOperators.LSHR, lanes).and(1);
    }

    private int index(int row, int c) {
      int at = c >> 3;
      int bit = c & 7;
      int index = signs.of(row).get(ValueLayout.JAVA_BYTE, signs.at(row) + at) >> bit & 1;
      if (seconds != null) {
        index |= (seconds.of(row).get(ValueLayout.JAVA_BYTE, seconds.at(row) + at) >> bit & 1) << 1;
        index |= (salient[c >> 5] >>> (c & 31) & 1) << 2;
      }
      return index;
    }
  }
}
