package dev.nibble.runtime.kernel;

import static dev.nibble.runtime.kernel.Lanes.F;
import static dev.nibble.runtime.kernel.Lanes.I;
import static dev.nibble.runtime.kernel.Lanes.WIDTH;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/** Stored bytes as lanes: what every block kernel starts with. */
final class Bytes {
  /** As many bytes as there are lanes; on four lanes there is no such vector and words are used. */
  private static final VectorSpecies<Byte> B =
      VectorSpecies.of(byte.class, VectorShape.forBitSize(Math.max(64, 8 * WIDTH)));

  private static final VectorSpecies<Integer> I4 = IntVector.SPECIES_128;
  private static final IntVector BYTE_SHIFTS = IntVector.broadcast(I4, 0).addIndex(8);

  static final ValueLayout.OfInt LE32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(LITTLE_ENDIAN);
  static final ValueLayout.OfShort LE16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(LITTLE_ENDIAN);

  static final ValueLayout.OfFloat LE_FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(LITTLE_ENDIAN);

  static final ValueLayout.OfLong LE_LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(LITTLE_ENDIAN);

  private static final VarHandle WORD =
      MethodHandles.byteArrayViewVarHandle(int[].class, LITTLE_ENDIAN);

  private Bytes() {}

  /** {@code WIDTH} bytes from {@code at}, 0 to 255 each. */
  static IntVector unsigned(MemorySegment s, int at) {
    if (WIDTH == 4) {
      IntVector word = IntVector.broadcast(I4, s.get(LE32, at));
      return (IntVector)
          word.lanewise(VectorOperators.LSHR, BYTE_SHIFTS).and(255).reinterpretShape(I, 0);
    }
    return (IntVector)
        ByteVector.fromMemorySegment(B, s, at, LITTLE_ENDIAN)
            .convertShape(VectorOperators.ZERO_EXTEND_B2I, I, 0);
  }

  /** {@code WIDTH} bytes from {@code at}, -128 to 127 each. */
  static IntVector signed(MemorySegment s, int at) {
    if (WIDTH == 4) {
      return unsigned(s, at).lanewise(VectorOperators.LSHL, 24).lanewise(VectorOperators.ASHR, 24);
    }
    return (IntVector)
        ByteVector.fromMemorySegment(B, s, at, LITTLE_ENDIAN)
            .convertShape(VectorOperators.B2I, I, 0);
  }

  /** {@code WIDTH} bytes of an array from {@code at}, 0 to 255 each. */
  static IntVector unsigned(byte[] a, int at) {
    if (WIDTH == 4) {
      IntVector word = IntVector.broadcast(I4, (int) WORD.get(a, at));
      return (IntVector)
          word.lanewise(VectorOperators.LSHR, BYTE_SHIFTS).and(255).reinterpretShape(I, 0);
    }
    return (IntVector)
        ByteVector.fromArray(B, a, at).convertShape(VectorOperators.ZERO_EXTEND_B2I, I, 0);
  }

  /** {@code WIDTH} bytes of an array from {@code at}, -128 to 127 each. */
  static IntVector signed(byte[] a, int at) {
    if (WIDTH == 4) {
      return unsigned(a, at).lanewise(VectorOperators.LSHL, 24).lanewise(VectorOperators.ASHR, 24);
    }
    return (IntVector) ByteVector.fromArray(B, a, at).convertShape(VectorOperators.B2I, I, 0);
  }

  /** {@code n} unsigned bytes from {@code at} as floats. */
  static void floats(MemorySegment s, int at, int n, float[] out) {
    int i = 0;
    for (int end = n - WIDTH; i <= end; i += WIDTH) {
      store(unsigned(s, at + i), out, i);
    }
    for (; i < n; i++) {
      out[i] = s.get(ValueLayout.JAVA_BYTE, at + i) & 0xff;
    }
  }

  /** Stores lanes as floats. */
  static void store(IntVector codes, float[] out, int o) {
    floats(codes).intoArray(out, o);
  }

  /** Lanes as floats. */
  static FloatVector floats(IntVector codes) {
    return (FloatVector) codes.convertShape(VectorOperators.I2F, F, 0);
  }

  /** {@code out[o + i] = factor · (byte i of word − bias)} for the four bytes of a word. */
  static void scaleWord(int word, int bias, float factor, float[] out, int o) {
    IntVector bytes =
        IntVector.broadcast(I4, word)
            .lanewise(VectorOperators.LSHR, BYTE_SHIFTS)
            .and(255)
            .sub(bias);
    ((FloatVector) bytes.convertShape(VectorOperators.I2F, FloatVector.SPECIES_128, 0))
        .mul(factor)
        .intoArray(out, o);
  }

  /** The half-precision number at a byte offset. */
  static float half(MemorySegment s, int at) {
    return Float.float16ToFloat(s.get(LE16, at));
  }
}
