package dev.nibble.core.tensor;

import dev.nibble.core.spec.ScaleFormat;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Locale;
import java.util.Objects;

/**
 * Weights of one or two bits: signs around the mean of a row's block of columns, and perhaps a
 * second bit, which in ordinary columns chooses between two magnitudes and in salient columns is
 * the sign of a second binary layer fitted to what the first leaves over (BiLLM, Huang et al.
 * 2024).
 *
 * <p>With s, t = ±1 for the sign and the second bit, a value is
 *
 * <pre>
 *   one bit                       mean + magnitude s
 *   ordinary column, second bit 0   mean1 + magnitude1 s
 *   ordinary column, second bit 1   mean2 + magnitude2 s
 *   salient column                (mean3 + magnitude3 s) + magnitude4 t
 * </pre>
 *
 * in fp32 in that order; the mean of the second layer is part of mean3.
 *
 * <p>Layout. {@code B = ceil(columns / blockSize)} blocks a row, the last one possibly short.
 *
 * <ul>
 *   <li>{@code signs}: a bit per weight, 1 for +; a row is a little-endian bit stream padded to
 *       whole 32-bit words.
 *   <li>{@code seconds}: likewise, or null when there is one bit per weight.
 *   <li>{@code salient}: a bit per column, a stream padded to a whole 32-bit word; null exactly
 *       when {@code seconds} is.
 *   <li>{@code scalars}: {@code [rows, B, n]} in {@code scaleFormat}. With one bit: mean,
 *       magnitude. With two: mean1, magnitude1, mean2, magnitude2, mean3, magnitude3, magnitude4.
 *       The means are left out unless {@code centred}.
 * </ul>
 *
 * @param shape logical shape; rows and columns as in {@link PackedTensor}
 * @param blockSize columns of a block, at least 1
 * @param centred means are stored; else they are 0
 * @param scaleFormat storage of the scalars: FP16, BF16 or FP32
 * @param signs see above
 * @param seconds see above, or null
 * @param salient see above, or null
 * @param scalars see above
 */
public record BinaryTensor(
    long[] shape,
    int blockSize,
    boolean centred,
    ScaleFormat scaleFormat,
    MemorySegment signs,
    MemorySegment seconds,
    MemorySegment salient,
    MemorySegment scalars)
    implements PackedTensor {

  /** Entries of {@link #levels}. */
  public static final int LEVELS = 8;

  private static final int MOST_SCALARS = 7;

  /** Checks every size against the layout. */
  public BinaryTensor {
    shape = shape.clone();
    if (blockSize < 1) {
      throw new IllegalArgumentException("blocks of " + blockSize + " columns");
    }
    if (scaleFormat.bytes() < 2 || (seconds == null) != (salient == null)) {
      throw new IllegalArgumentException(
          "binary weights have scalars of 16 or 32 bits, and second bits together with salient"
              + " columns");
    }
    GroupLayout layout = GroupLayout.of(shape, blockSize);
    layout.requireBytes("signs", layout.codeBytes(1), signs);
    if (seconds != null) {
      layout.requireBytes("seconds", layout.codeBytes(1), seconds);
      layout.requireBytes("salient", BitPacking.paddedBytes(layout.columns(), 1), salient);
    }
    long count = Math.multiplyExact(layout.scales(), (long) scalarCount(seconds != null, centred));
    layout.requireBytes("scalars", Math.multiplyExact(count, scaleFormat.bytes()), scalars);
  }

  /** Scalars of one row's block. */
  public static int scalarCount(boolean seconds, boolean centred) {
    return seconds ? (centred ? MOST_SCALARS : 4) : centred ? 2 : 1;
  }

  @Override
  public long[] shape() {
    return shape.clone();
  }

  /** Blocks per row. */
  public int blocksPerRow() {
    return Math.ceilDiv(columns(), blockSize);
  }

  /** Scalars of one row's block. */
  public int scalarCount() {
    return scalarCount(seconds != null, centred);
  }

  @Override
  public long byteSize() {
    return signs.byteSize()
        + scalars.byteSize()
        + (seconds == null ? 0 : seconds.byteSize() + salient.byteSize());
  }

  /** As {@code binary:g128:mean} or {@code residual-binary:g128:mean}. */
  @Override
  public String typeName() {
    return (seconds == null ? "binary:g" : "residual-binary:g")
        + blockSize
        + (centred ? ":mean" : "")
        + (scaleFormat == ScaleFormat.FP16
            ? ""
            : ":" + scaleFormat.name().toLowerCase(Locale.ROOT));
  }

  /** Whether a column is salient. */
  public boolean isSalient(int column) {
    return salient != null && BitPacking.at(salient, column, 1) == 1;
  }

  /**
   * The values that weights of one row's block can have, {@code out[sign + 2 second + 4 salient]}
   * with bits 0 and 1; what weights of one bit do not need repeats.
   *
   * @param seconds weights have second bits
   * @param centred there are means
   * @param scalars of {@link #scalarCount(boolean, boolean)}, from {@code at}
   */
  public static void levels(
      boolean seconds, boolean centred, float[] scalars, int at, float[] out) {
    int step = centred ? 2 : 1;
    for (int kind = 0; kind < 2; kind++) {
      int from = at + (seconds ? kind * step : 0);
      float mean = centred ? scalars[from] : 0f;
      float magnitude = scalars[from + step - 1];
      out[2 * kind] = mean - magnitude;
      out[2 * kind + 1] = mean + magnitude;
    }
    if (!seconds) {
      System.arraycopy(out, 0, out, 4, 4);
      return;
    }
    int from = at + 2 * step;
    float mean = centred ? scalars[from] : 0f;
    float first = scalars[from + step - 1];
    float second = scalars[from + step];
    out[4] = mean - first - second;
    out[5] = mean + first - second;
    out[6] = mean - first + second;
    out[7] = mean + first + second;
  }

  /** The values of one row's block of this tensor. */
  public void levels(float[] rowScalars, int block, float[] out) {
    levels(seconds != null, centred, rowScalars, block * scalarCount(), out);
  }

  @Override
  public void dequantize(long fromRow, long toRow, float[] out, int offset) {
    Objects.checkFromToIndex(fromRow, toRow, rows());
    int columns = columns();
    Objects.checkFromIndexSize(offset, Math.toIntExact((toRow - fromRow) * columns), out.length);
    byte[] first = new byte[columns];
    byte[] second = new byte[columns];
    int[] kinds = new int[columns];
    for (int c = 0; c < columns; c++) {
      kinds[c] = isSalient(c) ? 4 : 0;
    }
    int blocks = blocksPerRow();
    float[] rowScalars = new float[blocks * scalarCount()];
    float[] levels = new float[LEVELS];
    for (long r = fromRow; r < toRow; r++, offset += columns) {
      unpack(signs, r, first);
      if (seconds != null) {
        unpack(seconds, r, second);
      }
      for (int i = 0; i < rowScalars.length; i++) {
        rowScalars[i] = scaleFormat.get(scalars, r * rowScalars.length + i);
      }
      for (int b = 0; b < blocks; b++) {
        levels(rowScalars, b, levels);
        for (int c = b * blockSize; c < Math.min(columns, (b + 1) * blockSize); c++) {
          out[offset + c] = levels[first[c] + 2 * second[c] + kinds[c]];
        }
      }
    }
  }

  private static void unpack(MemorySegment bits, long row, byte[] out) {
    int stride = Math.toIntExact(BitPacking.paddedBytes(out.length, 1));
    byte[] packed = new byte[stride];
    MemorySegment.copy(bits, ValueLayout.JAVA_BYTE, row * stride, packed, 0, stride);
    BitPacking.unpack(packed, 0, out.length, 1, out);
  }
}
