package dev.nibble.runtime.kernel;

import static dev.nibble.runtime.kernel.Lanes.F;
import static dev.nibble.runtime.kernel.Lanes.WIDTH;

import dev.nibble.core.tensor.CodebookLayout;
import dev.nibble.core.tensor.CodebookTensor;
import dev.nibble.core.tensor.PackedTensor;
import jdk.incubator.vector.FloatVector;

/**
 * Sums of codewords. For one input vector and codes of up to 8 bits, the products of every codeword
 * with every group of the input are tabled once, which costs {@code columns · M · 2^B}
 * multiplications whatever the number of rows; a row is then one look-up a code (Egiazarian et al.
 * 2024, section 4.4). For more tokens, longer codes, or so few rows that the tables do not pay,
 * rows are decoded and multiplied densely.
 */
final class CodebookKernel implements MatmulKernel {

  @Override
  public String name() {
    return "codebook";
  }

  @Override
  public boolean accepts(PackedTensor weight) {
    return weight instanceof CodebookTensor;
  }

  @Override
  public Matrix bind(PackedTensor weight) {
    CodebookTensor tensor = (CodebookTensor) weight;
    CodebookLayout layout = tensor.layout();
    boolean levels = layout.groupSize() == 1 && layout.codebooks() == 1 && layout.bits() <= 4;
    if (levels) {
      return new LevelRows(tensor);
    }
    boolean pays = (long) layout.codebooks() * layout.codewords() <= weight.rows();
    boolean tables = layout.bits() <= 8 && layout.groupSize() > 1 && !layout.multi() && pays;
    return tables ? new Tabled(tensor) : new Decoded(tensor, "codebook-rows");
  }

  /** What all forms know of a tensor. */
  private abstract static class Bound extends RowMajor {
    final CodebookLayout layout;
    final float[] words;
    private final float[] scales;
    private final int[] sets;

    Bound(CodebookTensor weight, String kernel) {
      super(weight, kernel);
      this.layout = weight.layout();
      this.words = weight.codewordValues();
      this.scales = new float[rows()];
      this.sets = new int[rows()];
      int set = layout.codebooks() * layout.codewords() * layout.groupSize();
      for (int r = 0; r < rows(); r++) {
        scales[r] = weight.scale(r);
        sets[r] = layout.multi() ? set * weight.rowClass(r) : 0;
      }
    }

    final float scale(int row) {
      return scales[row];
    }

    /** Where the codewords of a row's set begin. */
    final int set(int row) {
      return sets[row];
    }
  }

  /** Decodes rows. */
  private static class Decoded extends Bound {
    final CodebookCodes codes;

    Decoded(CodebookTensor weight, String kernel) {
      super(weight, kernel);
      this.codes =
          new CodebookCodes(
              weight.codes(),
              rows(),
              layout.rowBytes(columns()),
              layout.bits(),
              layout.codes(columns()));
    }

    @Override
    public void multiply(int from, int to, Input x, float[] y, int yOffset, Scratch s) {
      for (int r = from; r < to; r++) {
        decode(r, r + 1, s.rows, 0, s);
        y[yOffset + r] = Dots.floats(s.rows, 0, x.x, columns());
      }
    }

    @Override
    public final void decode(int from, int to, float[] out, int offset, Scratch s) {
      int perGroup = layout.codebooks();
      // whole groups, and a multiple of 8 codes, at a time
      int stretch = Scratch.STRETCH / (8 * perGroup) * 8 * perGroup;
      for (int r = from; r < to; r++) {
        int row = offset + (r - from) * columns();
        for (int c = 0; c < codes.count(); c += stretch) {
          int n = Math.min(stretch, codes.count() - c);
          codes.read(r, c, n, s.indices);
          int column = c / perGroup * layout.groupSize();
          groups(s.indices, n, set(r), scale(r), out, row + column, row + columns());
        }
      }
    }

    private void groups(int[] index, int n, int set, float scale, float[] out, int at, int end) {
      int size = layout.groupSize();
      int book = layout.codewords() * size;
      for (int i = 0; i < n; i += layout.codebooks(), at += size) {
        int width = Math.min(size, end - at);
        int k = 0;
        for (; k + WIDTH <= width; k += WIDTH) {
          FloatVector sum = FloatVector.fromArray(F, words, set + index[i] * size + k);
          for (int m = 1; m < layout.codebooks(); m++) {
            sum =
                sum.add(FloatVector.fromArray(F, words, set + m * book + index[i + m] * size + k));
          }
          sum.mul(scale).intoArray(out, at + k);
        }
        for (; k < width; k++) {
          float sum = words[set + index[i] * size + k];
          for (int m = 1; m < layout.codebooks(); m++) {
            sum += words[set + m * book + index[i + m] * size + k];
          }
          out[at + k] = scale * sum;
        }
      }
    }
  }

  /** Looks up products. */
  private static final class Tabled extends Decoded {
    /** Codes whose tables stay in the first-level cache while a chunk of rows passes. */
    private final int stretch;

    /** Codewords as {@code [M, g, 2^B]}, so that a table is a sum of scaled rows. */
    private final float[] transposed;

    Tabled(CodebookTensor weight) {
      super(weight, "codebook-tables");
      this.stretch = Math.max(8, 8192 / layout.codewords() / 8 * 8);
      this.transposed = new float[words.length];
      int size = layout.groupSize();
      int count = layout.codewords();
      for (int m = 0; m < layout.codebooks(); m++) {
        for (int w = 0; w < count; w++) {
          for (int i = 0; i < size; i++) {
            transposed[(m * size + i) * count + w] = words[(m * count + w) * size + i];
          }
        }
      }
    }

    /** Many rows share the tables that are in the cache. */
    @Override
    public int chunk() {
      return 512;
    }

    @Override
    public void prepare(float[] x, int offset, Input into) {
      float[] tables = into.tables(codes.count() * layout.codewords());
      int size = layout.groupSize();
      int count = layout.codewords();
      for (int j = 0, at = 0; j < layout.groups(columns()); j++) {
        int width = Math.min(size, columns() - j * size);
        for (int m = 0; m < layout.codebooks(); m++, at += count) {
          table(x, offset + j * size, width, m * size * count, tables, at);
        }
      }
    }

    /** {@code tables[at + w] = Σ_i x[xo + i] · transposed[from + i·2^B + w]}. */
    private void table(float[] x, int xo, int width, int from, float[] tables, int at) {
      int count = layout.codewords();
      int w = 0;
      for (; w + WIDTH <= count; w += WIDTH) {
        FloatVector sum = FloatVector.zero(F);
        for (int i = 0; i < width; i++) {
          sum = FloatVector.fromArray(F, transposed, from + i * count + w).mul(x[xo + i]).add(sum);
        }
        sum.intoArray(tables, at + w);
      }
      for (; w < count; w++) {
        float sum = 0;
        for (int i = 0; i < width; i++) {
          sum = transposed[from + i * count + w] * x[xo + i] + sum;
        }
        tables[at + w] = sum;
      }
    }

    @Override
    public void multiply(int from, int to, Input x, float[] y, int yOffset, Scratch s) {
      float[] tables = x.tables(codes.count() * layout.codewords());
      for (int r = from; r < to; r++) {
        y[yOffset + r] = 0;
      }
      for (int c = 0; c < codes.count(); c += stretch) {
        int n = Math.min(stretch, codes.count() - c);
        codes.addSums(from, to, c, n, tables, y, yOffset);
      }
      for (int r = from; r < to; r++) {
        y[yOffset + r] *= scale(r);
      }
    }
  }

  /** One code of up to 4 bits a weight: levels looked up in vector registers. */
  private static final class LevelRows extends Bound {
    private final BitStream stream;
    private final Bands bands;
    private final Levels[] levels;

    LevelRows(CodebookTensor weight) {
      super(weight, "codebook-levels");
      this.stream = new BitStream(layout.bits());
      this.bands = new Bands(weight.codes(), rows(), layout.rowBytes(columns()));
      this.levels = new Levels[layout.sets()];
      int count = layout.codewords();
      for (int set = 0; set < levels.length; set++) {
        levels[set] =
            new Levels(java.util.Arrays.copyOfRange(words, set * count, (set + 1) * count));
      }
    }

    private void unpack(int row, int from, int count, float[] out) {
      Levels table = levels[set(row) / layout.codewords()];
      stream.levels(bands.of(row), bands.at(row), from, count, table, out);
    }

    @Override
    public void multiply(int from, int to, Input x, float[] y, int yOffset, Scratch s) {
      for (int r = from; r < to; r++) {
        float sum = 0;
        for (int c = 0; c < columns(); c += Scratch.STRETCH) {
          int count = Math.min(Scratch.STRETCH, columns() - c);
          unpack(r, c, count, s.codes);
          sum += Dots.floats(s.codes, 0, x.x, c, count);
        }
        y[yOffset + r] = scale(r) * sum;
      }
    }

    @Override
    public void decode(int from, int to, float[] out, int offset, Scratch s) {
      for (int r = from; r < to; r++) {
        int row = offset + (r - from) * columns();
        for (int c = 0; c < columns(); c += Scratch.STRETCH) {
          int count = Math.min(Scratch.STRETCH, columns() - c);
          unpack(r, c, count, s.codes);
          for (int i = 0; i < count; i++) {
            out[row + c + i] = scale(r) * s.codes[i];
          }
        }
      }
    }
  }
}
