package dev.nibble.core.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Objects;

/**
 * A packed tensor of which some values are stored apart, in half precision: dense and sparse. A
 * listed value <em>replaces</em> the base's value at its place, so it is exactly what a solver
 * kept, whatever the code there says; a product adds {@code (value − base value) · x}.
 *
 * <p>Layout of the listed values, by rows (CSR), little-endian:
 *
 * <pre>
 *   rowOffsets  int32 [rows + 1]: values of row r are those from rowOffsets[r] to rowOffsets[r + 1]
 *   columns     uint16 [count] when there are at most 65,536 columns, else int32; rising in a row
 *   values      fp16 [count]
 * </pre>
 *
 * @param base all values; any kind but this one
 * @param rowOffsets see above
 * @param columnIndex see above
 * @param values see above
 */
public record OutlierTensor(
    PackedTensor base, MemorySegment rowOffsets, MemorySegment columnIndex, MemorySegment values)
    implements PackedTensor {

  private static final int SHORTS = 1 << 16;
  private static final ValueLayout.OfShort LE16 =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt LE32 =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /** Checks sizes, offsets and columns. */
  public OutlierTensor {
    if (base instanceof OutlierTensor) {
      throw new IllegalArgumentException("outliers of a tensor that has outliers already");
    }
    long count = values.byteSize() / 2;
    GroupLayout sized = GroupLayout.of(base.shape(), 0);
    sized.requireBytes("values", 2 * count, values);
    sized.requireBytes("columns", count * columnBytes(sized.columns()), columnIndex);
    sized.requireBytes("row_offsets", 4 * (sized.rows() + 1), rowOffsets);
    boolean plannedOnly = rowOffsets.isNative() && rowOffsets.address() == 0;
    if (!plannedOnly) {
      requireOrder(sized, rowOffsets, columnIndex, count);
    }
  }

  private static void requireOrder(
      GroupLayout sized, MemorySegment rowOffsets, MemorySegment columnIndex, long count) {
    long from = 0;
    for (long r = 0; r <= sized.rows(); r++) {
      int to = rowOffsets.get(LE32, 4 * r);
      if (to < from || to > count || (r == 0 && to != 0) || (r == sized.rows() && to != count)) {
        throw new IllegalArgumentException(
            "row_offsets: row " + r + " begins at " + to + " of " + count + ", after " + from);
      }
      int last = -1;
      for (long i = from; i < to; i++) {
        int column = column(columnIndex, i, sized.columns());
        if (column <= last || column >= sized.columns()) {
          throw new IllegalArgumentException(
              "columns: row " + (r - 1) + " lists column " + column + " after " + last);
        }
        last = column;
      }
      from = to;
    }
  }

  /** Bytes of one column number in a tensor of so many columns. */
  public static int columnBytes(int columns) {
    return columns <= SHORTS ? 2 : 4;
  }

  /** Bytes that {@code count} values of a tensor take beside its base. */
  public static long sparseBytes(long rows, int columns, long count) {
    return 4 * (rows + 1) + count * (2 + columnBytes(columns));
  }

  private static int column(MemorySegment index, long i, int columns) {
    return columnBytes(columns) == 2 ? index.get(LE16, 2 * i) & 0xffff : index.get(LE32, 4 * i);
  }

  /**
   * Builds a tensor from plain numbers.
   *
   * @param outlier {@code [rows, columns]}: which values are listed
   * @param values {@code [rows, columns]}; those listed are rounded to fp16 and must be in its
   *     range
   */
  public static OutlierTensor of(PackedTensor base, boolean[] outlier, float[] values) {
    int columns = base.columns();
    int rows = Math.toIntExact(base.rows());
    int count = 0;
    for (boolean listed : outlier) {
      count += listed ? 1 : 0;
    }
    int width = columnBytes(columns);
    MemorySegment offsets = MemorySegment.ofArray(new byte[Math.multiplyExact(4, rows + 1)]);
    MemorySegment index = MemorySegment.ofArray(new byte[Math.multiplyExact(width, count)]);
    MemorySegment halves = MemorySegment.ofArray(new byte[Math.multiplyExact(2, count)]);
    int n = 0;
    for (int r = 0; r < rows; r++) {
      for (int c = 0; c < columns; c++) {
        int at = r * columns + c;
        if (outlier[at]) {
          if (width == 2) {
            index.set(LE16, 2L * n, (short) c);
          } else {
            index.set(LE32, 4L * n, c);
          }
          halves.set(LE16, 2L * n, half(values[at]));
          n++;
        }
      }
      offsets.set(LE32, 4L * (r + 1), n);
    }
    return new OutlierTensor(base, offsets, index, halves);
  }

  private static short half(float value) {
    short half = Float.floatToFloat16(value);
    if (!Float.isFinite(Float.float16ToFloat(half))) {
      throw new IllegalArgumentException("outlier " + value + " is not in the range of fp16");
    }
    return half;
  }

  @Override
  public long[] shape() {
    return base.shape();
  }

  /** Number of values stored apart. */
  public int count() {
    return Math.toIntExact(values.byteSize() / 2);
  }

  /** Index of the first value of a row; that of {@code rows()} is the count. */
  public int offset(long row) {
    return rowOffsets.get(LE32, 4 * row);
  }

  /** Column of the value at an index. */
  public int column(int index) {
    return column(columnIndex, index, columns());
  }

  /** The value at an index. */
  public float value(int index) {
    return DType.F16.get(values, index);
  }

  @Override
  public long byteSize() {
    return base.byteSize() + rowOffsets.byteSize() + columnIndex.byteSize() + values.byteSize();
  }

  @Override
  public String typeName() {
    return base.typeName() + "+sparse";
  }

  @Override
  public void dequantize(long fromRow, long toRow, float[] out, int offset) {
    Objects.checkFromToIndex(fromRow, toRow, rows());
    base.dequantize(fromRow, toRow, out, offset);
    int columns = columns();
    for (long r = fromRow; r < toRow; r++) {
      int at = offset + Math.toIntExact((r - fromRow) * columns);
      for (int i = offset(r); i < offset(r + 1); i++) {
        out[at + column(i)] = value(i);
      }
    }
  }
}
