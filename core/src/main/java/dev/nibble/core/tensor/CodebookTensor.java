package dev.nibble.core.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Objects;

/**
 * Groups of columns as sums of learned codewords (additive quantization): with {@code k} the class
 * of row r and {@code C} the codebooks of that class,
 *
 * <pre>
 * value[r, j·g + i] = scale · (C[0][code(r, j, 0)][i] + … + C[M−1][code(r, j, M−1)][i])
 * </pre>
 *
 * in fp32, summed from the first codebook on, then scaled. With one codebook and groups of one
 * column it is a table of learned levels. Little-endian throughout:
 *
 * <pre>
 * codes     bit streams of B-bit codes in the order group j, codebook m; a row padded to whole
 *           32-bit words
 * codewords fp16 [sets, M, 2^B, g]
 * scales    fp16 [rows], [row groups] or none
 * classes   class of each row, one stream of ⌈log2 G⌉ bits padded to whole 32-bit words; absent
 *           when there is one class
 * </pre>
 *
 * @param shape logical shape
 * @param layout numbers of codebooks, bits, columns and classes
 * @param codes as above
 * @param codewords as above
 * @param scales as above, empty for none
 * @param classes as above, empty for one class
 */
public record CodebookTensor(
    long[] shape,
    CodebookLayout layout,
    MemorySegment codes,
    MemorySegment codewords,
    MemorySegment scales,
    MemorySegment classes)
    implements PackedTensor {

  /** Copies the shape and checks the sizes. */
  public CodebookTensor {
    shape = shape.clone();
    GroupLayout rows = GroupLayout.of(shape, layout.groupSize());
    rows.requireBytes(
        "codes", Math.multiplyExact(rows.rows(), layout.rowBytes(rows.columns())), codes);
    rows.requireBytes("codewords", 2 * layout.elements(), codewords);
    rows.requireBytes("scales", 2 * layout.scaleCount(rows.rows()), scales);
    rows.requireBytes("classes", layout.classBytes(rows.rows()), classes);
  }

  @Override
  public long[] shape() {
    return shape.clone();
  }

  @Override
  public long byteSize() {
    return codes.byteSize() + codewords.byteSize() + scales.byteSize() + classes.byteSize();
  }

  @Override
  public String typeName() {
    return layout.text();
  }

  /** Class of a row. */
  public int rowClass(long row) {
    return layout.classBits() == 0 ? 0 : BitPacking.at(classes, row, layout.classBits());
  }

  /** Scale of a row; 1 without scales. */
  public float scale(long row) {
    return switch (layout.scales()) {
      case NONE -> 1f;
      case ROW -> DType.F16.get(scales, row);
      case GROUP -> DType.F16.get(scales, rowClass(row));
    };
  }

  /** Codewords as floats, {@code [sets, M, 2^B, g]}. */
  public float[] codewordValues() {
    float[] out = new float[Math.toIntExact(layout.elements())];
    for (int i = 0; i < out.length; i++) {
      out[i] = DType.F16.get(codewords, i);
    }
    return out;
  }

  /** Codes of a row in the order group, codebook; written to {@code out[offset ..]}. */
  public void rowCodes(long row, int[] out, int offset) {
    int columns = columns();
    long stride = layout.rowBytes(columns);
    byte[] packed = codes.asSlice(row * stride, stride).toArray(ValueLayout.JAVA_BYTE);
    BitPacking.unpackWide(packed, 0, layout.codes(columns), layout.bits(), out, offset);
  }

  @Override
  public void dequantize(long fromRow, long toRow, float[] out, int offset) {
    Objects.checkFromToIndex(fromRow, toRow, rows());
    int columns = columns();
    Objects.checkFromIndexSize(offset, Math.toIntExact((toRow - fromRow) * columns), out.length);
    if (fromRow == toRow) {
      return;
    }
    float[] words = codewordValues();
    int set = layout.codebooks() * layout.codewords() * layout.groupSize();
    int[] row = new int[layout.codes(columns)];
    for (long r = fromRow; r < toRow; r++, offset += columns) {
      rowCodes(r, row, 0);
      decodeRow(row, words, layout.multi() ? rowClass(r) * set : 0, scale(r), out, offset);
    }
  }

  private void decodeRow(int[] row, float[] words, int set, float scale, float[] out, int offset) {
    int size = layout.groupSize();
    int columns = columns();
    int book = layout.codewords() * size;
    for (int c = 0, at = 0; c < columns; c += size, at += layout.codebooks()) {
      int width = Math.min(size, columns - c);
      for (int i = 0; i < width; i++) {
        float sum = words[set + row[at] * size + i];
        for (int m = 1; m < layout.codebooks(); m++) {
          sum += words[set + m * book + row[at + m] * size + i];
        }
        out[offset + c + i] = scale * sum;
      }
    }
  }
}
