package dev.nibble.core.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.stream.Collectors;

/**
 * A matrix made of bands of rows or of columns, each a packed tensor of its own kind and precision:
 * mixed precision within one weight.
 *
 * <p>Layout. The bands lie one after the other along their axis; {@code length} is the number of
 * rows or columns that they make together. Without an order, index i of the bands is index i of the
 * matrix. With one, the axis is cut into units of {@code unit} consecutive indices, the last one
 * possibly short, and the order says which unit of the matrix lies at each place of the bands: a
 * permutation of {@code ceil(length / unit)} numbers, {@code uint16} when there are at most 65,536
 * of them, else {@code int32}.
 *
 * @param shape logical shape; rows and columns as in {@link PackedTensor}
 * @param axis what the bands are bands of
 * @param bands one or more tensors of two dimensions, none of them banded: {@code [n, columns]} or
 *     {@code [rows, n]}, where all n make {@code length}
 * @param unit consecutive rows or columns that stay together; 1 without an order
 * @param order see above, or null
 */
public record BandedTensor(
    long[] shape, Axis axis, List<PackedTensor> bands, int unit, MemorySegment order)
    implements PackedTensor {

  private static final int SHORTS = 1 << 16;
  private static final ValueLayout.OfShort LE16 =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt LE32 =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /** What bands are bands of. */
  public enum Axis {
    /** Output features. */
    ROWS,
    /** Input features. */
    COLUMNS
  }

  /** Checks sizes and the permutation. */
  public BandedTensor {
    shape = shape.clone();
    bands = List.copyOf(bands);
    GroupLayout whole = GroupLayout.of(shape, 0);
    int length = axis == Axis.ROWS ? Math.toIntExact(whole.rows()) : whole.columns();
    requireBands(bands, axis, whole, length);
    if (unit < 1 || (order == null && unit != 1)) {
      throw new IllegalArgumentException("bands cannot keep units of " + unit + " together");
    }
    if (order != null) {
      int units = Math.ceilDiv(length, unit);
      whole.requireBytes("order", (long) units * orderBytes(units), order);
      requirePermutation(order, units);
    }
  }

  private static void requireBands(
      List<PackedTensor> bands, Axis axis, GroupLayout whole, int length) {
    long found = 0;
    for (PackedTensor band : bands) {
      boolean fits =
          axis == Axis.ROWS ? band.columns() == whole.columns() : band.rows() == whole.rows();
      if (band.shape().length != 2 || !fits || band instanceof BandedTensor) {
        throw new IllegalArgumentException(
            Arrays.toString(band.shape())
                + " of "
                + band.typeName()
                + " is no band of "
                + axis.name().toLowerCase(Locale.ROOT)
                + " of "
                + whole.rows()
                + " x "
                + whole.columns());
      }
      found += axis == Axis.ROWS ? band.rows() : band.columns();
    }
    if (bands.isEmpty() || found != length) {
      throw new IllegalArgumentException(
          "bands of " + found + " " + axis + " do not make up " + length);
    }
  }

  private static void requirePermutation(MemorySegment order, int units) {
    boolean[] seen = new boolean[units];
    for (int place = 0; place < units; place++) {
      int u = unitAt(order, place, units);
      if (u < 0 || u >= units || seen[u]) {
        throw new IllegalArgumentException(
            "the order of bands is no permutation: place " + place + " holds unit " + u);
      }
      seen[u] = true;
    }
  }

  /**
   * Builds a tensor from bands and an order in plain numbers.
   *
   * @param unit consecutive rows or columns that stay together
   * @param order unit of the matrix at each place of the bands; nothing is stored when that is the
   *     natural order
   */
  public static BandedTensor of(
      long[] shape, Axis axis, List<PackedTensor> bands, int unit, int[] order) {
    boolean natural = true;
    for (int i = 0; i < order.length; i++) {
      natural &= order[i] == i;
    }
    if (natural) {
      return new BandedTensor(shape, axis, bands, 1, null);
    }
    int bytes = orderBytes(order.length);
    MemorySegment stored = MemorySegment.ofArray(new byte[Math.multiplyExact(order.length, bytes)]);
    for (int i = 0; i < order.length; i++) {
      if (bytes == 2) {
        stored.set(LE16, 2L * i, (short) order[i]);
      } else {
        stored.set(LE32, 4L * i, order[i]);
      }
    }
    return new BandedTensor(shape, axis, bands, unit, stored);
  }

  /** Bytes of one number of an order of so many. */
  public static int orderBytes(int units) {
    return units <= SHORTS ? 2 : 4;
  }

  private static int unitAt(MemorySegment order, int place, int units) {
    return orderBytes(units) == 2
        ? order.get(LE16, 2L * place) & 0xffff
        : order.get(LE32, 4L * place);
  }

  @Override
  public long[] shape() {
    return shape.clone();
  }

  /** Rows or columns that the bands make together. */
  public int length() {
    return axis == Axis.ROWS ? Math.toIntExact(rows()) : columns();
  }

  /** Row or column of the matrix at each index along the bands; a fresh array. */
  public int[] positions() {
    int[] out = new int[length()];
    if (order == null) {
      Arrays.setAll(out, i -> i);
      return out;
    }
    int units = Math.ceilDiv(out.length, unit);
    int at = 0;
    for (int place = 0; place < units; place++) {
      int first = unitAt(order, place, units) * unit;
      for (int i = first; i < Math.min(out.length, first + unit); i++) {
        out[at++] = i;
      }
    }
    return out;
  }

  @Override
  public long byteSize() {
    return bands.stream().mapToLong(PackedTensor::byteSize).sum()
        + (order == null ? 0 : order.byteSize());
  }

  /** As {@code rows(int8:channel:sym+int4:g128:asym)}: every kind once, in order. */
  @Override
  public String typeName() {
    return bands.stream()
        .map(PackedTensor::typeName)
        .distinct()
        .collect(Collectors.joining("+", axis.name().toLowerCase(Locale.ROOT) + "(", ")"));
  }

  @Override
  public void dequantize(long fromRow, long toRow, float[] out, int offset) {
    Objects.checkFromToIndex(fromRow, toRow, rows());
    int columns = columns();
    Objects.checkFromIndexSize(offset, Math.toIntExact((toRow - fromRow) * columns), out.length);
    if (axis == Axis.ROWS) {
      rowBands((int) fromRow, (int) toRow, out, offset);
    } else {
      columnBands(fromRow, toRow, out, offset);
    }
  }

  private void rowBands(int from, int to, float[] out, int offset) {
    int[] positions = positions();
    int place = 0;
    for (PackedTensor band : bands) {
      for (int r = 0; r < band.rows(); r++, place++) {
        int row = positions[place];
        if (row >= from && row < to) {
          band.dequantize(r, r + 1L, out, offset + (row - from) * columns());
        }
      }
    }
  }

  private void columnBands(long from, long to, float[] out, int offset) {
    int[] positions = positions();
    int rows = (int) (to - from);
    int place = 0;
    for (PackedTensor band : bands) {
      int width = band.columns();
      float[] values = new float[Math.multiplyExact(rows, width)];
      band.dequantize(from, to, values, 0);
      for (int r = 0; r < rows; r++) {
        for (int c = 0; c < width; c++) {
          out[offset + r * columns() + positions[place + c]] = values[r * width + c];
        }
      }
      place += width;
    }
  }
}
