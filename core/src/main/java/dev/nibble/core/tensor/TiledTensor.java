package dev.nibble.core.tensor;

import static dev.nibble.core.tensor.PackedFormat.BLOCK;
import static dev.nibble.core.tensor.PackedFormat.LANES;
import static dev.nibble.core.tensor.PackedFormat.ROWS;
import static dev.nibble.core.tensor.PackedFormat.WORDS;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * A matrix in the order in which integer kernels read it, so that they run it where a file is
 * mapped. {@link PackedFormat} specifies the bytes and the value of a code.
 *
 * @param shape {@code [rows, columns]}, both at least 1, columns in whole column groups
 * @param format layout
 * @param exponent the factor of all scales and mins is {@code 2^exponent}, -126 to 127
 * @param table the format's table of 16 unsigned codes; empty without
 * @param data row groups, {@link PackedFormat#byteSize} bytes
 */
public record TiledTensor(
    long[] shape, PackedFormat format, int exponent, byte[] table, MemorySegment data)
    implements PackedTensor {
  /** Divides the address of data that kernels run in place. */
  public static final int ALIGNMENT = PackedFormat.VECTOR;

  private static final ValueLayout.OfInt LE32 =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort LE16 =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /** Copies the arrays and checks sizes. */
  public TiledTensor {
    shape = shape.clone();
    table = table.clone();
    if (shape.length != 2 || shape[0] < 1 || shape[0] > Integer.MAX_VALUE || shape[1] < 1) {
      throw new IllegalArgumentException("tiles hold matrices, not " + Arrays.toString(shape));
    }
    if (shape[1] > Integer.MAX_VALUE || shape[1] % format.groupColumns() != 0) {
      throw new IllegalArgumentException(
          shape[1] + " columns are not whole groups of " + format.groupColumns());
    }
    if (exponent < Float.MIN_EXPONENT || exponent > Float.MAX_EXPONENT) {
      throw new IllegalArgumentException("no factor of 2^" + exponent);
    }
    if (table.length != (format.table() ? PackedFormat.TABLE : 0)) {
      throw new IllegalArgumentException("a table of " + table.length + " entries");
    }
    long wanted = format.byteSize(shape[0], (int) shape[1]);
    if (data.byteSize() != wanted) {
      throw new IllegalArgumentException(
          "data: " + data.byteSize() + " bytes where the shape asks for " + wanted);
    }
  }

  @Override
  public long[] shape() {
    return shape.clone();
  }

  @Override
  public byte[] table() {
    return table.clone();
  }

  /** What all scales and mins are multiplied with. */
  public float factor() {
    return Math.scalb(1f, exponent);
  }

  @Override
  public long byteSize() {
    return data.byteSize() + table.length;
  }

  @Override
  public String typeName() {
    String kind = format.table() ? "table" : format.mins() ? "asym" : "sym";
    return "tiled" + format.bits() + ":g" + format.shared() + ":" + kind;
  }

  @Override
  public void dequantize(long fromRow, long toRow, float[] out, int offset) {
    Objects.checkFromToIndex(fromRow, toRow, rows());
    int columns = columns();
    Objects.checkFromIndexSize(offset, Math.toIntExact((toRow - fromRow) * columns), out.length);
    List<PackedFormat.Plane> planes = format.planes();
    int groups = columns / format.groupColumns();
    int[] codes = new int[BLOCK];
    for (long row = fromRow; row < toRow; row++) {
      int lane = (int) (row % ROWS);
      long group = row / ROWS * groups * format.groupBytes();
      for (int g = 0; g < groups; g++, group += format.groupBytes()) {
        for (int b = 0; b < format.blocks(); b++, offset += BLOCK) {
          readCodes(planes, group + (long) b * format.blockBytes(), lane, codes);
          values(group, lane, codes, out, offset);
        }
      }
    }
  }

  /** Reads a row's codes of a block. */
  private void readCodes(List<PackedFormat.Plane> planes, long block, int lane, int[] codes) {
    Arrays.fill(codes, 0);
    long half = block + (long) (lane / LANES) * format.halfBytes() + 4L * (lane % LANES);
    for (PackedFormat.Plane plane : planes) {
      int mask = (1 << plane.width()) - 1;
      for (int word = 0; word < WORDS; word++) {
        int fields = data.get(LE32, half + plane.vectorOf(word)) >>> plane.fieldOf(word);
        for (int i = 0; i < 4; i++) {
          codes[4 * word + i] |= ((fields >>> (8 * i)) & mask) << plane.shift();
        }
      }
    }
    if (format.table()) {
      for (int i = 0; i < BLOCK; i++) {
        codes[i] = table[codes[i]] & 0xff;
      }
    }
  }

  /** Turns a block's codes into values. */
  private void values(long group, int lane, int[] codes, float[] out, int offset) {
    int columns = BLOCK / format.parts();
    for (int part = 0; part < format.parts(); part++) {
      float scale = scalar(group + format.scalesAt(part), lane);
      float min = format.mins() ? scalar(group + format.minsAt(part), lane) : 0;
      for (int c = part * columns; c < (part + 1) * columns; c++) {
        float value = scale * (codes[c] - format.offset());
        out[offset + c] = format.mins() ? value + min : value;
      }
    }
  }

  private float scalar(long at, int lane) {
    return factor() * Float.float16ToFloat(data.get(LE16, at + 2L * lane));
  }
}
