package dev.nibble.core.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Objects;

/**
 * Integer codes in small groups whose scales and zero-points are quantized themselves (SpQR): with
 * g the group of column c and k = r / blockRows the block of row r, in fp32, each operation
 * rounded,
 *
 * <pre>
 *   scale(r, g) = scaleStep[k, g] · scaleCode[r, g] + scaleLow[k, g]
 *   zero(r, g)  = zeroStep[k, g] · zeroCode[r, g] + zeroLow[k, g]
 *   value(r, c) = scale(r, g) · (code[r, c] − zero(r, g))
 * </pre>
 *
 * A scale may be 0, which makes its group exactly zero. Layout, little-endian, G groups a row (the
 * last one possibly short) and K blocks of rows (the last one possibly short):
 *
 * <pre>
 *   codes       bit streams of {@code bits}; a row padded to whole 32-bit words
 *   scaleCodes  bit streams of {@code scaleBits} over G groups; a row padded to whole bytes
 *   scaleStats  [K, G, 2] in {@code statFormat}: step, low
 *   zeroCodes   as scaleCodes, of {@code zeroBits}; of {@code bits} and without a second level for
 *               INTEGER zero-points, which are the codes themselves; empty for NONE
 *   zeroStats   as scaleStats; empty unless zero-points are BILEVEL
 * </pre>
 *
 * @param shape logical shape
 * @param layout sizes of all parts
 * @param codes see above
 * @param scaleCodes see above
 * @param scaleStats see above
 * @param zeroCodes see above
 * @param zeroStats see above
 */
public record BilevelTensor(
    long[] shape,
    BilevelLayout layout,
    MemorySegment codes,
    MemorySegment scaleCodes,
    MemorySegment scaleStats,
    MemorySegment zeroCodes,
    MemorySegment zeroStats)
    implements PackedTensor {

  /** Checks every size against the layout. */
  public BilevelTensor {
    shape = shape.clone();
    GroupLayout sized = GroupLayout.of(shape, layout.groupSize());
    long rows = sized.rows();
    int columns = sized.columns();
    int stat = layout.statFormat().bytes();
    sized.requireBytes("codes", Math.multiplyExact(rows, layout.rowBytes(columns)), codes);
    sized.requireBytes("scale_codes", rows * layout.scaleRowBytes(columns), scaleCodes);
    sized.requireBytes("scale_stats", stat * layout.stats(rows, columns), scaleStats);
    sized.requireBytes("zero_codes", rows * layout.zeroRowBytes(columns), zeroCodes);
    sized.requireBytes("zero_stats", stat * layout.zeroStats(rows, columns), zeroStats);
  }

  /**
   * Packs plain numbers.
   *
   * @param codes {@code [rows, columns]}
   * @param scaleCodes {@code [rows, G]}
   * @param scaleStats {@code [K, G, 2]}, each a value of the layout's format
   * @param zeroCodes {@code [rows, G]}; empty for NONE
   * @param zeroStats {@code [K, G, 2]}; empty unless BILEVEL
   */
  public static BilevelTensor pack(
      long[] shape,
      BilevelLayout layout,
      byte[] codes,
      byte[] scaleCodes,
      float[] scaleStats,
      byte[] zeroCodes,
      float[] zeroStats) {
    GroupLayout sized = GroupLayout.of(shape, layout.groupSize());
    return new BilevelTensor(
        shape,
        layout,
        PackedParts.codes(codes, sized, layout.bits()),
        rows(scaleCodes, sized, layout.scaleBits(), layout.scaleRowBytes(sized.columns())),
        stats(scaleStats, layout),
        rows(zeroCodes, sized, layout.zeroCodeBits(), layout.zeroRowBytes(sized.columns())),
        stats(zeroStats, layout));
  }

  private static MemorySegment rows(byte[] codes, GroupLayout sized, int bits, int rowBytes) {
    int rows = Math.toIntExact(sized.rows());
    byte[] packed = new byte[Math.multiplyExact(rows, rowBytes)];
    for (int r = 0; r < rows && rowBytes > 0; r++) {
      BitPacking.pack(codes, r * sized.groups(), sized.groups(), bits, packed, r * rowBytes);
    }
    return MemorySegment.ofArray(packed);
  }

  private static MemorySegment stats(float[] values, BilevelLayout layout) {
    MemorySegment out =
        MemorySegment.ofArray(
            new byte[Math.multiplyExact(values.length, layout.statFormat().bytes())]);
    for (int i = 0; i < values.length; i++) {
      layout.statFormat().set(out, i, values[i]);
    }
    return out;
  }

  @Override
  public long[] shape() {
    return shape.clone();
  }

  @Override
  public long byteSize() {
    return codes.byteSize()
        + scaleCodes.byteSize()
        + scaleStats.byteSize()
        + zeroCodes.byteSize()
        + zeroStats.byteSize();
  }

  @Override
  public String typeName() {
    return layout.text(columns());
  }

  /** All numbers of the second level of the scales, {@code [K, G, 2]}. */
  public float[] scaleStatValues() {
    return values(scaleStats);
  }

  /** All numbers of the second level of the zero-points, {@code [K, G, 2]}, or none. */
  public float[] zeroStatValues() {
    return values(zeroStats);
  }

  private float[] values(MemorySegment stats) {
    float[] out = new float[Math.toIntExact(stats.byteSize() / layout.statFormat().bytes())];
    for (int i = 0; i < out.length; i++) {
      out[i] = layout.statFormat().get(stats, i);
    }
    return out;
  }

  @Override
  public void dequantize(long fromRow, long toRow, float[] out, int offset) {
    Objects.checkFromToIndex(fromRow, toRow, rows());
    int columns = columns();
    Objects.checkFromIndexSize(offset, Math.toIntExact((toRow - fromRow) * columns), out.length);
    int groups = layout.groups(columns);
    byte[] row = new byte[columns];
    float[] scales = new float[groups];
    float[] zeros = new float[groups];
    for (long r = fromRow; r < toRow; r++, offset += columns) {
      unpack(codes, r, (int) layout.rowBytes(columns), layout.bits(), row);
      scales(r, scales);
      zeros(r, zeros);
      for (int c = 0; c < columns; c++) {
        int g = c / layout.groupSize();
        out[offset + c] = scales[g] * ((row[c] & 0xff) - zeros[g]);
      }
    }
  }

  /** Scales of a row's groups, into {@code out[0 .. G)}. */
  public void scales(long row, float[] out) {
    secondLevel(row, scaleCodes, layout.scaleRowBytes(columns()), layout.scaleBits(), out);
    addLevels(row, scaleStats, out);
  }

  /** Zero-points of a row's groups, into {@code out[0 .. G)}. */
  public void zeros(long row, float[] out) {
    if (layout.zeros() == BilevelLayout.Zeros.NONE) {
      Arrays.fill(out, 1 << (layout.bits() - 1));
      return;
    }
    secondLevel(row, zeroCodes, layout.zeroRowBytes(columns()), layout.zeroCodeBits(), out);
    if (layout.zeros() == BilevelLayout.Zeros.BILEVEL) {
      addLevels(row, zeroStats, out);
    }
  }

  private static void secondLevel(
      long row, MemorySegment codes, int rowBytes, int bits, float[] out) {
    byte[] unpacked = new byte[out.length];
    unpack(codes, row, rowBytes, bits, unpacked);
    for (int g = 0; g < out.length; g++) {
      out[g] = unpacked[g] & 0xff;
    }
  }

  private void addLevels(long row, MemorySegment stats, float[] out) {
    long block = row / layout.blockRows() * out.length;
    for (int g = 0; g < out.length; g++) {
      float step = layout.statFormat().get(stats, 2 * (block + g));
      float low = layout.statFormat().get(stats, 2 * (block + g) + 1);
      out[g] = step * out[g] + low;
    }
  }

  private static void unpack(MemorySegment data, long row, int rowBytes, int bits, byte[] out) {
    byte[] packed = new byte[rowBytes];
    MemorySegment.copy(data, ValueLayout.JAVA_BYTE, row * rowBytes, packed, 0, rowBytes);
    BitPacking.unpack(packed, 0, out.length, bits, out);
  }
}
