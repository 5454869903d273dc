package dev.nibble.io.interop;

import static dev.nibble.io.interop.CompressedTensorsLayout.G_IDX;
import static dev.nibble.io.interop.CompressedTensorsLayout.PACKED;
import static dev.nibble.io.interop.CompressedTensorsLayout.SCALE;
import static dev.nibble.io.interop.CompressedTensorsLayout.SHAPE;
import static dev.nibble.io.interop.CompressedTensorsLayout.WEIGHT;
import static dev.nibble.io.interop.CompressedTensorsLayout.ZERO;

import dev.nibble.core.format.FloatFormat;
import dev.nibble.core.spec.Granularity;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.tensor.DType;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.core.tensor.TablePacker;
import dev.nibble.io.interop.CompressedScheme.Strategy;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * A linear in one of the layouts of {@link CompressedTensorsLayout}, its tensors checked.
 *
 * @param rows output channels
 * @param columns input channels
 * @param groups scales per row
 */
record CompressedLinear(
    ModuleTensors parts, CompressedScheme scheme, int rows, int columns, int groups) {

  static CompressedLinear check(ModuleTensors parts, CompressedScheme scheme) {
    boolean packed = parts.has(PACKED);
    long[] shape = packed ? packedShape(parts) : plainShape(parts, scheme);
    String weight = packed ? PACKED : WEIGHT;
    parts.requireSize(weight, shape[0], shape[1]);
    if (packed && scheme.floating()) {
      throw parts.problem(PACKED, "packed floats are not supported");
    }
    int columns = (int) shape[1];
    int group = scheme.strategy() == Strategy.GROUP ? scheme.groupSize() : columns;
    if (columns % group != 0) {
      throw parts.problem(weight, "groups of " + group + " do not divide " + columns + " columns");
    }
    CompressedLinear linear =
        new CompressedLinear(parts, scheme, (int) shape[0], columns, columns / group);
    if (packed) {
      linear.checkWords();
    }
    linear.checkGrid();
    return linear;
  }

  private static long[] packedShape(ModuleTensors parts) {
    DType type = parts.info(SHAPE).dtype();
    if (type != DType.I64 && type != DType.I32) {
      throw parts.problem(SHAPE, "element type " + type + " was found where I64 is needed");
    }
    parts.require(SHAPE, type, 2);
    float[] sizes = parts.tensor(SHAPE).toFloats();
    return new long[] {(long) sizes[0], (long) sizes[1]};
  }

  private static long[] plainShape(ModuleTensors parts, CompressedScheme scheme) {
    return parts.shape(WEIGHT, scheme.floating() ? DType.F8_E4M3 : DType.I8, 2);
  }

  /** True when no code straddles two words although the bits do not divide 32. */
  private boolean wholeCodes() {
    return parts.info(PACKED).shape()[1] != WordMatrix.words(columns, scheme.bits());
  }

  private void checkWords() {
    long[] found = parts.shape(PACKED, DType.I32, 2);
    long dense = WordMatrix.words(columns, scheme.bits());
    long whole = WordMatrix.wholeWords(columns, scheme.bits());
    if (found[0] != rows || (found[1] != dense && found[1] != whole)) {
      throw parts.problem(
          PACKED,
          "shape "
              + Arrays.toString(found)
              + " was found where "
              + Arrays.toString(new long[] {rows, dense})
              + " holds "
              + rows
              + " x "
              + columns
              + " codes of "
              + scheme.bits()
              + " bits");
    }
  }

  private void checkGrid() {
    parts.scaleFormat(SCALE);
    requireCount(SCALE);
    if (!scheme.symmetric()) {
      if (packedZeros()) {
        parts.require(ZERO, DType.I32, zeroWords(), groups);
      } else {
        if (parts.info(ZERO).dtype() != DType.I8) {
          throw parts.problem(ZERO, "element type I8 is needed");
        }
        requireCount(ZERO);
      }
    }
    if (parts.has(G_IDX)) {
      parts.require(G_IDX, DType.I32, columns);
    }
  }

  private int zeroWords() {
    return wholeCodes()
        ? WordMatrix.wholeWords(rows, scheme.bits())
        : WordMatrix.words(rows, scheme.bits());
  }

  private boolean packedZeros() {
    return parts.has(PACKED)
        && scheme.strategy() != Strategy.TENSOR
        && parts.info(ZERO).dtype() == DType.I32;
  }

  /** Scales per channel come as {@code [out]} or {@code [out, 1]}, a single one in any rank. */
  private void requireCount(String part) {
    long[] found = parts.info(part).shape();
    long count = Arrays.stream(found).reduce(1, (a, b) -> a * b);
    boolean fits =
        switch (scheme.strategy()) {
          case TENSOR -> found.length <= 2 && count == 1;
          case CHANNEL -> found.length >= 1 && found.length <= 2 && found[0] == rows;
          case GROUP -> found.length == 2 && found[0] == rows;
        };
    if (!fits || (scheme.strategy() != Strategy.TENSOR && count != (long) rows * groups)) {
      throw parts.problem(
          part,
          "shape "
              + Arrays.toString(found)
              + " does not fit "
              + rows
              + " rows of "
              + groups
              + " groups");
    }
  }

  long[] shape() {
    return new long[] {rows, columns};
  }

  PackedTensor weight() {
    return scheme.floating() ? floats() : integers();
  }

  private PackedTensor integers() {
    int groupSize =
        switch (scheme.strategy()) {
          case TENSOR -> 0;
          case CHANNEL -> columns;
          case GROUP -> scheme.groupSize();
        };
    return new LinearCodes(
            rows,
            columns,
            scheme.bits(),
            groupSize,
            codes(),
            parts.scaleFormat(SCALE),
            parts.scales(SCALE),
            zeros(),
            groupSize > 0 && parts.has(G_IDX) ? parts.groupIndex(G_IDX, groups) : null)
        .pack();
  }

  private byte[] codes() {
    if (!parts.has(PACKED)) {
      return shifted(WEIGHT);
    }
    return unpack(parts.tensor(PACKED).data(), rows, columns);
  }

  private byte[] unpack(MemorySegment words, int streams, int count) {
    return wholeCodes()
        ? WordMatrix.unpackWholeCodes(words, streams, count, scheme.bits())
        : WordMatrix.unpackRows(words, streams, count, scheme.bits());
  }

  /** Signed bytes moved up by half the range of the codes. */
  private byte[] shifted(String part) {
    byte[] codes = parts.tensor(part).data().toArray(ValueLayout.JAVA_BYTE);
    int middle = 1 << (scheme.bits() - 1);
    for (int i = 0; i < codes.length; i++) {
      int code = codes[i] + middle;
      if (code < 0 || code >= 2 * middle) {
        throw parts.problem(
            part, "element " + i + " is " + codes[i] + ", beyond " + scheme.bits() + " bits");
      }
      codes[i] = (byte) code;
    }
    return codes;
  }

  private int[] zeros() {
    int count = scheme.strategy() == Strategy.TENSOR ? 1 : rows * groups;
    if (scheme.symmetric()) {
      int[] zeros = new int[count];
      Arrays.fill(zeros, 1 << (scheme.bits() - 1));
      return zeros;
    }
    if (!packedZeros()) {
      return Grids.unsigned(shifted(ZERO));
    }
    byte[] words = WordMatrix.transposeWords(parts.tensor(ZERO).data(), zeroWords(), groups);
    byte[] stored = unpack(MemorySegment.ofArray(words), groups, rows);
    return Grids.unsigned(WordMatrix.transpose(stored, groups, rows));
  }

  private PackedTensor floats() {
    byte[] codes = parts.tensor(WEIGHT).data().toArray(ValueLayout.JAVA_BYTE);
    for (int i = 0; i < codes.length; i++) {
      if ((codes[i] & 0x7f) == 0x7f) {
        throw parts.problem(WEIGHT, "element " + i + " is not a number");
      }
    }
    float[] scales = parts.scales(SCALE);
    if (scheme.strategy() == Strategy.TENSOR) {
      float scale = scales[0];
      scales = new float[rows];
      Arrays.fill(scales, scale);
    }
    boolean grouped = scheme.strategy() == Strategy.GROUP;
    QuantSpec spec =
        new QuantSpec(
            new FloatFormat(4, 3),
            grouped ? Granularity.GROUP : Granularity.CHANNEL,
            scheme.groupSize(),
            true,
            parts.scaleFormat(SCALE));
    return TablePacker.pack(shape(), spec, codes, scales);
  }
}
