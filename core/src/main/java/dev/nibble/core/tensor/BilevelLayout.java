package dev.nibble.core.tensor;

import dev.nibble.core.spec.ScaleFormat;

/**
 * How a {@link BilevelTensor} stores its numbers.
 *
 * @param bits of a code, 1 to 8
 * @param groupSize columns that share a scale and a zero-point, at least 1; one group a row when
 *     there are not more columns
 * @param blockRows consecutive rows whose scales of one group of columns are quantized together,
 *     and likewise their zero-points
 * @param scaleBits of a scale's code, 1 to 7
 * @param zeros what zero-points there are
 * @param zeroBits of a zero-point's code, 1 to 7 for {@link Zeros#BILEVEL}, else 0
 * @param statFormat fp16, bf16 or fp32: storage of the second level
 */
public record BilevelLayout(
    int bits,
    int groupSize,
    int blockRows,
    int scaleBits,
    Zeros zeros,
    int zeroBits,
    ScaleFormat statFormat) {

  /** Kinds of zero-points. */
  public enum Zeros {
    /** The fixed middle code, {@code 2^(bits-1)}. */
    NONE,
    /** A code of {@code bits}. */
    INTEGER,
    /** Any number, quantized in two levels like a scale. */
    BILEVEL
  }

  /** Checks the ranges. */
  public BilevelLayout {
    require(bits >= 1 && bits <= 8, "codes of " + bits + " bits");
    require(groupSize >= 1, "groups of " + groupSize + " columns");
    require(blockRows >= 1, "blocks of " + blockRows + " rows");
    require(scaleBits >= 1 && scaleBits <= 7, "scales of " + scaleBits + " bits");
    require(
        zeros == Zeros.BILEVEL ? zeroBits >= 1 && zeroBits <= 7 : zeroBits == 0,
        "zero-points of " + zeroBits + " bits");
    require(
        statFormat == ScaleFormat.FP16
            || statFormat == ScaleFormat.BF16
            || statFormat == ScaleFormat.FP32,
        "a second level in " + statFormat);
  }

  private static void require(boolean holds, String what) {
    if (!holds) {
      throw new IllegalArgumentException("no tensor of two levels has " + what);
    }
  }

  /** Largest code. */
  public int top() {
    return (1 << bits) - 1;
  }

  /** Groups of a row. */
  public int groups(int columns) {
    return Math.ceilDiv(columns, groupSize);
  }

  /** Blocks of rows. */
  public long blocks(long rows) {
    return Math.ceilDiv(rows, (long) blockRows);
  }

  /** Bytes of a row of codes: whole 32-bit words. */
  public long rowBytes(int columns) {
    return BitPacking.paddedBytes(columns, bits);
  }

  /** Bytes of the codes of a row's scales. */
  public int scaleRowBytes(int columns) {
    return Math.ceilDiv(groups(columns) * scaleBits, 8);
  }

  /** Bits of the code of a zero-point; 0 without any. */
  public int zeroCodeBits() {
    return zeros == Zeros.INTEGER ? bits : zeroBits;
  }

  /** Bytes of the codes of a row's zero-points. */
  public int zeroRowBytes(int columns) {
    return Math.ceilDiv(groups(columns) * zeroCodeBits(), 8);
  }

  /** Numbers of the second level of the scales: a step and an offset for each block and group. */
  public long stats(long rows, int columns) {
    return 2 * Math.multiplyExact(blocks(rows), (long) groups(columns));
  }

  /** Numbers of the second level of the zero-points. */
  public long zeroStats(long rows, int columns) {
    return zeros == Zeros.BILEVEL ? stats(rows, columns) : 0;
  }

  /** {@code byteSize()} of a tensor. */
  public long bytes(long rows, int columns) {
    return rows * (rowBytes(columns) + scaleRowBytes(columns) + zeroRowBytes(columns))
        + statFormat.bytes() * (stats(rows, columns) + zeroStats(rows, columns));
  }

  /** Name of tensors with so many columns, as {@code int3:g16:asym:bilevel}. */
  public String text(int columns) {
    String group = groupSize >= columns ? "channel" : "g" + groupSize;
    return "int" + bits + ":" + group + (zeros == Zeros.NONE ? ":sym" : ":asym") + ":bilevel";
  }
}
