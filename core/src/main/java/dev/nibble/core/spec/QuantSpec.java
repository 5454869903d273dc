package dev.nibble.core.spec;

import dev.nibble.core.format.IntFormat;
import dev.nibble.core.format.NumberFormat;
import dev.nibble.core.tensor.AffineTensor;
import java.util.Locale;
import java.util.Objects;

/**
 * How the numbers of one tensor are to be quantized: values, what shares a scale, symmetry and the
 * storage of the scale. Text form: {@code FORMAT[:GRANULARITY][:sym|:asym][:SCALE]}, as {@code
 * int4:g128:asym}, {@code int8:channel:sym}, {@code nf4:g64}, {@code int3:g32:sym:bf16}; {@code
 * mxfp4}, {@code mxfp6-e2m3}, {@code mxfp6-e3m2}, {@code mxfp8-e4m3}, {@code mxfp8-e5m2} and {@code
 * mxint8} name the OCP MX blocks of 32, {@code nvfp4} floats of 4 bits in groups of 16 with e4m3
 * scales. A tensor with e4m3 scales has a scale of its own besides, folded into its table.
 *
 * @param format values before the scale; a signed {@link IntFormat} is stored as {@link
 *     AffineTensor}, every other format as a table
 * @param granularity TENSOR, CHANNEL, GROUP or BLOCK (BLOCK exactly when the scale is E8M0)
 * @param groupSize columns per scale for GROUP and BLOCK, else 0
 * @param symmetric integers only: zero-point fixed at the middle code; true for all other formats
 * @param scaleFormat storage of the scales
 */
public record QuantSpec(
    NumberFormat format,
    Granularity granularity,
    int groupSize,
    boolean symmetric,
    ScaleFormat scaleFormat) {

  /**
   * @throws dev.nibble.core.NibbleException when the parts do not go together
   */
  public QuantSpec {
    Objects.requireNonNull(format);
    Objects.requireNonNull(scaleFormat);
    SpecRules.check(format, granularity, groupSize, symmetric, scaleFormat);
  }

  /**
   * Reads the text form. Left out: granularity is {@code channel}; integers are {@code asym} below
   * 8 bits and {@code sym} at 8; scales are fp16.
   *
   * @throws dev.nibble.core.NibbleException naming the part at fault and what is allowed
   */
  public static QuantSpec parse(String text) {
    return SpecText.parse(text);
  }

  /** Canonical text; {@code parse(text())} equals this for every format that a name defines. */
  public String text() {
    return SpecText.text(this);
  }

  /**
   * Text form of what a stored tensor has.
   *
   * @param format name of the format
   * @param shared {@code tensor}, {@code channel} or {@code gN}
   * @param symmetry {@code :sym}, {@code :asym} or ""
   */
  public static String text(String format, String shared, String symmetry, ScaleFormat scale) {
    return SpecText.shortest(format + ":" + shared + symmetry + SpecText.suffix(scale));
  }

  /** True when the codes are integers with a scale and a zero-point ({@link AffineTensor}). */
  public boolean affine() {
    return format instanceof IntFormat;
  }

  /** Bits per code. */
  public int bits() {
    return format.bits();
  }

  /** Columns that share a scale in a row of {@code columns}. */
  public int groupColumns(int columns) {
    return grouped() ? groupSize : columns;
  }

  /** Scales per row; the last group may be short. 1 for TENSOR, whose scale all rows share. */
  public int groups(int columns) {
    return grouped() ? Math.ceilDiv(columns, groupSize) : 1;
  }

  /** Scales of a tensor of {@code rows x columns}. */
  public long scaleCount(long rows, int columns) {
    return granularity == Granularity.TENSOR ? 1 : Math.multiplyExact(rows, (long) groups(columns));
  }

  /**
   * Exact {@code byteSize()} of a tensor packed with this spec, without a group index: codes with
   * padding, scales, zero-points, table.
   */
  public long packedBytes(long rows, int columns) {
    long scales = scaleCount(rows, columns);
    long bytes =
        Math.multiplyExact(rows, AffineTensor.rowStride(columns, bits()))
            + Math.multiplyExact(scales, (long) scaleFormat.bytes());
    if (!affine()) {
      return bytes + 4L * (1 << bits());
    }
    return symmetric ? bytes : bytes + AffineTensor.zeroBytes(scales, bits());
  }

  private boolean grouped() {
    return granularity == Granularity.GROUP || granularity == Granularity.BLOCK;
  }

  @Override
  public String toString() {
    return text().toLowerCase(Locale.ROOT);
  }
}
