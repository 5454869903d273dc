package dev.nibble.io.gguf;

import java.util.ArrayList;
import java.util.List;

/** A metadata value with its stored type, so that writing it again gives the same bytes. */
public sealed interface GgufValue {

  /**
   * The value in everyday Java: {@link Integer} for types up to 32 bits except U32, {@link Long}
   * for U32, U64 and I64, {@link Float}, {@link Double}, {@link Boolean}, {@link String}, and a
   * {@link List} of these for arrays.
   */
  Object plain();

  /** One number, truth value or string. */
  record Scalar(GgufValueType type, Object plain) implements GgufValue {}

  /** Values of one scalar type. */
  record Array(GgufValueType elementType, List<?> plain) implements GgufValue {}

  /** A string. */
  static GgufValue of(String value) {
    return new Scalar(GgufValueType.STRING, value);
  }

  /** A truth value. */
  static GgufValue of(boolean value) {
    return new Scalar(GgufValueType.BOOL, value);
  }

  /** A float. */
  static GgufValue of(float value) {
    return new Scalar(GgufValueType.F32, value);
  }

  /** An unsigned 32-bit number, the type of counts and ids; {@code 0 <= value < 2^32}. */
  static GgufValue u32(long value) {
    if (value < 0 || value > 0xffff_ffffL) {
      throw new IllegalArgumentException("not an unsigned 32-bit number: " + value);
    }
    return new Scalar(GgufValueType.U32, value);
  }

  /** An array of strings. */
  static GgufValue strings(List<String> values) {
    return new Array(GgufValueType.STRING, List.copyOf(values));
  }

  /** An array of floats. */
  static GgufValue floats(float[] values) {
    List<Float> list = new ArrayList<>(values.length);
    for (float v : values) {
      list.add(v);
    }
    return new Array(GgufValueType.F32, List.copyOf(list));
  }

  /** An array of signed 32-bit numbers. */
  static GgufValue ints(int[] values) {
    List<Integer> list = new ArrayList<>(values.length);
    for (int v : values) {
      list.add(v);
    }
    return new Array(GgufValueType.I32, List.copyOf(list));
  }
}
