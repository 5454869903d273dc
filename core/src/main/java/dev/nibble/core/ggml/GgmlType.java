package dev.nibble.core.ggml;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * The stored element types of GGUF files with their ids, block sizes and decoders. Rows are
 * independent; blocks of a row follow each other; everything is little-endian. The layouts are
 * described in the decoder classes of this package.
 */
public enum GgmlType {
  F32(0, 1, 4, PlainDecoders::f32),
  F16(1, 1, 2, PlainDecoders::half),
  Q4_0(2, 32, 18, LegacyDecoders::q4_0),
  Q4_1(3, 32, 20, LegacyDecoders::q4_1),
  Q5_0(6, 32, 22, LegacyDecoders::q5_0),
  Q5_1(7, 32, 24, LegacyDecoders::q5_1),
  Q8_0(8, 32, 34, LegacyDecoders::q8_0),
  Q2_K(10, 256, 84, KQuantDecoders::q2K),
  Q3_K(11, 256, 110, KQuantDecoders::q3K),
  Q4_K(12, 256, 144, KQuantDecoders::q4K),
  Q5_K(13, 256, 176, KQuantDecoders::q5K),
  Q6_K(14, 256, 210, KQuantDecoders::q6K),
  IQ2_XXS(16, 256, 66, GridDecoders::iq2Xxs),
  IQ2_XS(17, 256, 74, GridDecoders::iq2Xs),
  IQ3_XXS(18, 256, 98, GridDecoders::iq3Xxs),
  IQ1_S(19, 256, 50, GridDecoders::iq1S),
  IQ4_NL(20, 32, 18, FourBitTableDecoders::iq4Nl),
  IQ3_S(21, 256, 110, GridDecoders::iq3S),
  IQ2_S(22, 256, 82, GridDecoders::iq2S),
  IQ4_XS(23, 256, 136, FourBitTableDecoders::iq4Xs),
  I8(24, 1, 1, PlainDecoders::i8),
  I16(25, 1, 2, PlainDecoders::int16),
  I32(26, 1, 4, PlainDecoders::int32),
  I64(27, 1, 8, PlainDecoders::int64),
  F64(28, 1, 8, PlainDecoders::f64),
  IQ1_M(29, 256, 56, GridDecoders::iq1M),
  BF16(30, 1, 2, PlainDecoders::bf16),
  TQ1_0(34, 256, 54, TernaryDecoders::tq1_0),
  TQ2_0(35, 256, 66, TernaryDecoders::tq2_0),
  MXFP4(39, 32, 17, FourBitTableDecoders::mxfp4),
  NVFP4(40, 64, 36, FourBitTableDecoders::nvfp4),
  Q1_0(41, 128, 18, LegacyDecoders::q1_0),
  Q2_0(42, 64, 18, LegacyDecoders::q2_0);

  private static final int FETCH_BYTES = 1 << 14;
  private static final ValueLayout.OfFloat LE_FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final Map<Integer, GgmlType> BY_ID =
      Arrays.stream(values()).collect(Collectors.toUnmodifiableMap(GgmlType::id, t -> t));

  private final int id;
  private final int blockElements;
  private final int blockBytes;

  @SuppressWarnings("ImmutableEnumChecker") // always a reference to a static method
  private final BlockDecoder decoder;

  GgmlType(int id, int blockElements, int blockBytes, BlockDecoder decoder) {
    this.id = id;
    this.blockElements = blockElements;
    this.blockBytes = blockBytes;
    this.decoder = decoder;
  }

  /** Number of the type in a GGUF file. */
  public int id() {
    return id;
  }

  /** Elements per block. */
  public int blockElements() {
    return blockElements;
  }

  /** Bytes per block. */
  public int blockBytes() {
    return blockBytes;
  }

  /**
   * Bytes of a row of {@code columns} elements.
   *
   * @throws IllegalArgumentException when the row is not a whole number of blocks
   */
  public long rowBytes(long columns) {
    if (columns % blockElements != 0) {
      throw new IllegalArgumentException(
          "a "
              + this
              + " row must be a multiple of "
              + blockElements
              + " elements, not "
              + columns);
    }
    return columns / blockElements * blockBytes;
  }

  /** The type with that number in a GGUF file; empty for unknown and never-stored ones. */
  public static Optional<GgmlType> ofId(int id) {
    return Optional.ofNullable(BY_ID.get(id));
  }

  /** True for blocks of codes, false for plain numbers. */
  public boolean isQuantized() {
    return blockElements > 1;
  }

  /** Stored bits per element. */
  public double bitsPerElement() {
    return 8.0 * blockBytes / blockElements;
  }

  /**
   * Decodes {@code count} elements (whole blocks) from byte {@code at} of {@code data} to {@code
   * out}. Blocks are fetched in runs of a few KiB, so the segment may be a mapped file.
   *
   * @throws IllegalArgumentException when {@code count} is not a whole number of blocks
   * @throws IndexOutOfBoundsException when {@code data} or {@code out} is too short
   */
  public void dequantize(MemorySegment data, long at, float[] out, int offset, int count) {
    long bytes = rowBytes(count);
    Objects.checkFromIndexSize(at, bytes, data.byteSize());
    Objects.checkFromIndexSize(offset, count, out.length);
    if (this == F32) {
      MemorySegment.copy(data, LE_FLOAT, at, out, offset, count);
      return;
    }
    int run = FETCH_BYTES / blockBytes * blockBytes;
    byte[] fetched = new byte[(int) Math.min(run, bytes)];
    for (long done = 0; done < bytes; done += run) {
      int length = (int) Math.min(run, bytes - done);
      MemorySegment.copy(data, ValueLayout.JAVA_BYTE, at + done, fetched, 0, length);
      for (int b = 0; b < length; b += blockBytes) {
        decoder.decode(fetched, b, out, offset);
        offset += blockElements;
      }
    }
  }
}
