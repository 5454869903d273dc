package dev.nibble.core.ggml;

import dev.nibble.core.NibbleException;
import java.util.EnumMap;
import java.util.Map;
import java.util.Set;

/**
 * Rounds rows of floats to ggml types, bit-identical to the reference encoders. Rows are
 * independent, so callers may encode ranges of rows in parallel and get the same bytes.
 *
 * <p>Time is a few hundred nanoseconds per 32 elements for the K-quants, less for the others;
 * memory a few KiB.
 */
public final class GgmlEncoder {
  /** Largest magnitude that every type with a half-float scale can hold. */
  private static final float HALF_MAX = 65504f;

  /** Largest scale of UE4M3 times the largest value of E2M1. */
  private static final float NVFP4_MAX = 448f * 6f;

  private static final Map<GgmlType, BlockEncoder> ENCODERS = new EnumMap<>(GgmlType.class);

  static {
    ENCODERS.put(GgmlType.F32, (x, o, w, c, b, at) -> putFloat(b, at, x[o]));
    ENCODERS.put(GgmlType.F16, (x, o, w, c, b, at) -> LittleEndian.putF16(b, at, x[o]));
    ENCODERS.put(GgmlType.BF16, (x, o, w, c, b, at) -> putBf16(b, at, x[o]));
    ENCODERS.put(GgmlType.Q4_0, LegacyEncoders::q4_0);
    ENCODERS.put(GgmlType.Q4_1, LegacyEncoders::q4_1);
    ENCODERS.put(GgmlType.Q5_0, LegacyEncoders::q5_0);
    ENCODERS.put(GgmlType.Q5_1, LegacyEncoders::q5_1);
    ENCODERS.put(GgmlType.Q8_0, LegacyEncoders::q8_0);
    ENCODERS.put(GgmlType.Q2_K, AffineKQuantEncoders::q2K);
    ENCODERS.put(GgmlType.Q3_K, SymmetricKQuantEncoders::q3K);
    ENCODERS.put(GgmlType.Q4_K, AffineKQuantEncoders::q4K);
    ENCODERS.put(GgmlType.Q5_K, AffineKQuantEncoders::q5K);
    ENCODERS.put(GgmlType.Q6_K, SymmetricKQuantEncoders::q6K);
    ENCODERS.put(GgmlType.IQ4_NL, FourBitTableEncoders::iq4Nl);
    ENCODERS.put(GgmlType.IQ4_XS, FourBitTableEncoders::iq4Xs);
    ENCODERS.put(GgmlType.TQ1_0, TernaryEncoders::tq1_0);
    ENCODERS.put(GgmlType.TQ2_0, TernaryEncoders::tq2_0);
    ENCODERS.put(GgmlType.MXFP4, FourBitTableEncoders::mxfp4);
    ENCODERS.put(GgmlType.NVFP4, FourBitTableEncoders::nvfp4);
  }

  private GgmlEncoder() {}

  /** Types that can be written; the i-quants below four bits can only be read. */
  public static Set<GgmlType> types() {
    return Set.copyOf(ENCODERS.keySet());
  }

  /** True when {@link #encode} can write {@code type}. */
  public static boolean supports(GgmlType type) {
    return ENCODERS.containsKey(type);
  }

  /**
   * Encodes {@code rows} rows of {@code columns} elements from {@code x[offset ..]}.
   *
   * @param importance mean squared activation per column, {@code columns} non-negative numbers, or
   *     null; types that have no use for it (plain numbers, Q8_0, ternary, FP4) ignore it
   * @param tensor name for messages
   * @return {@code rows * type.rowBytes(columns)} bytes
   * @throws NibbleException when a value is not finite or beyond the type's range, naming tensor
   *     and index
   * @throws IllegalArgumentException when the type has no encoder or the row is not whole blocks
   */
  public static byte[] encode(
      GgmlType type,
      float[] x,
      int offset,
      int rows,
      int columns,
      float[] importance,
      String tensor) {
    BlockEncoder encoder = ENCODERS.get(type);
    if (encoder == null) {
      throw new IllegalArgumentException("there is no encoder for " + type);
    }
    int rowBytes = Math.toIntExact(type.rowBytes(columns));
    byte[] out = new byte[Math.multiplyExact(rows, rowBytes)];
    checkValues(type, x, offset, rows, columns, tensor);
    checkImportance(importance, columns, tensor);
    for (int row = 0; row < rows; row++) {
      int from = offset + row * columns;
      Importance weights =
          importance == null
              ? null
              : new Importance(importance, Importance.sumOfSquares(x, from, columns) / columns);
      int at = row * rowBytes;
      for (int c = 0; c < columns; c += type.blockElements()) {
        encoder.encode(x, from + c, weights, c, out, at);
        at += type.blockBytes();
      }
    }
    return out;
  }

  private static void checkValues(
      GgmlType type, float[] x, int offset, int rows, int columns, String tensor) {
    float limit =
        switch (type) {
          case F32, BF16, MXFP4 -> Float.MAX_VALUE;
          case NVFP4 -> NVFP4_MAX;
          default -> HALF_MAX;
        };
    for (int i = 0; i < rows * columns; i++) {
      float v = x[offset + i];
      if (!(Math.abs(v) <= limit)) {
        throw new NibbleException(
            tensor
                + ": element ["
                + i / columns
                + ", "
                + i % columns
                + "] is "
                + v
                + ", which "
                + type
                + " cannot store (largest magnitude "
                + limit
                + "); keep this tensor in another type or repair the model",
            NibbleException.BAD_INPUT,
            null);
      }
    }
  }

  private static void checkImportance(float[] importance, int columns, String tensor) {
    if (importance == null) {
      return;
    }
    if (importance.length != columns) {
      throw new NibbleException(
          tensor
              + ": the importance matrix has "
              + importance.length
              + " columns, the tensor "
              + columns
              + "; it belongs to another model");
    }
    for (int c = 0; c < columns; c++) {
      if (!(importance[c] >= 0) || importance[c] == Float.POSITIVE_INFINITY) {
        throw new NibbleException(
            tensor + ": the importance of column " + c + " is " + importance[c]);
      }
    }
  }

  private static void putFloat(byte[] b, int at, float value) {
    LittleEndian.putI32(b, at, Float.floatToRawIntBits(value));
  }

  private static void putBf16(byte[] b, int at, float value) {
    int bits = Float.floatToRawIntBits(value);
    LittleEndian.putU16(b, at, (bits + 0x7fff + (bits >>> 16 & 1)) >>> 16);
  }
}
