package dev.nibble.core.tensor;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** Builds {@link CodebookTensor}s from plain arrays, on the heap. */
public final class CodebookPacker {
  private CodebookPacker() {}

  /**
   * Packs codes; codewords and scales are rounded to fp16, to nearest even.
   *
   * @param shape logical shape; rows and columns as in {@link PackedTensor}
   * @param codes {@code [rows, groups, M]}, each below {@code 2^B}
   * @param codewords {@code [sets, M, 2^B, g]}
   * @param scales {@code [rows]}, {@code [row groups]} or empty, as the layout says
   * @param classes class of each row; may be null for one class
   * @throws IllegalArgumentException when a length, code or class breaks these rules, or a codeword
   *     or scale is beyond fp16
   */
  public static CodebookTensor pack(
      long[] shape,
      CodebookLayout layout,
      int[] codes,
      float[] codewords,
      float[] scales,
      int[] classes) {
    GroupLayout rows = GroupLayout.of(shape, layout.groupSize());
    int perRow = layout.codes(rows.columns());
    PackedParts.requireLength("codes", rows.rows() * perRow, codes.length);
    PackedParts.requireLength("codeword elements", layout.elements(), codewords.length);
    PackedParts.requireLength("scales", layout.scaleCount(rows.rows()), scales.length);
    requireBelow("code", codes, layout.codewords());
    int stride = Math.toIntExact(layout.rowBytes(rows.columns()));
    byte[] packed = new byte[Math.toIntExact(rows.rows() * stride)];
    for (int r = 0; r < rows.rows(); r++) {
      BitPacking.packWide(codes, r * perRow, perRow, layout.bits(), packed, r * stride);
    }
    return new CodebookTensor(
        shape,
        layout,
        MemorySegment.ofArray(packed),
        halves(codewords),
        halves(scales),
        classes(layout, rows.rows(), classes));
  }

  private static MemorySegment classes(CodebookLayout layout, long rows, int[] classes) {
    byte[] packed = new byte[Math.toIntExact(layout.classBytes(rows))];
    if (layout.classBits() > 0) {
      PackedParts.requireLength("classes of rows", rows, classes.length);
      requireBelow("class", classes, layout.rowGroups());
      BitPacking.packWide(classes, 0, classes.length, layout.classBits(), packed, 0);
    }
    return MemorySegment.ofArray(packed);
  }

  private static void requireBelow(String what, int[] values, int limit) {
    if (Arrays.stream(values).anyMatch(v -> v < 0 || v >= limit)) {
      throw new IllegalArgumentException("a " + what + " is not below " + limit);
    }
  }

  private static MemorySegment halves(float[] values) {
    MemorySegment out = MemorySegment.ofArray(new byte[2 * values.length]);
    for (int i = 0; i < values.length; i++) {
      DType.F16.set(out, i, values[i]);
      if (!Float.isFinite(DType.F16.get(out, i))) {
        throw new IllegalArgumentException(values[i] + " is no fp16 number");
      }
    }
    return out;
  }
}
