package dev.nibble.io.interop;

import dev.nibble.core.tensor.DType;

/**
 * Sizes of a linear in the GPTQ layout.
 *
 * @param rows output channels
 * @param columns input channels
 * @param bits per code
 * @param groups scales per output channel
 * @param groupSize columns per group
 */
record GptqSizes(int rows, int columns, int bits, int groups, int groupSize) {

  /** Works the sizes out from {@code qweight} and holds the other tensors to them. */
  static GptqSizes check(ModuleTensors parts, GptqRules.Rule rule) {
    long[] packed = parts.shape(GptqLayout.QWEIGHT, DType.I32, 2);
    int bits = rule.bits();
    long rows = packed[1];
    long codeBits = packed[0] * Integer.SIZE;
    if (codeBits % bits != 0 || rows * bits % Integer.SIZE != 0) {
      throw parts.problem(
          GptqLayout.QWEIGHT,
          packed[0] + " x " + rows + " words do not hold whole codes of " + bits + " bits");
    }
    long columns = codeBits / bits;
    parts.requireSize(GptqLayout.QWEIGHT, rows, columns);
    int groupSize = rule.groupSize() < 0 ? (int) columns : rule.groupSize();
    long groups = Math.ceilDiv(columns, (long) groupSize);
    parts.require(GptqLayout.QZEROS, DType.I32, groups, rows * bits / Integer.SIZE);
    parts.require(GptqLayout.SCALES, parts.info(GptqLayout.SCALES).dtype(), groups, rows);
    parts.scaleFormat(GptqLayout.SCALES);
    if (parts.has(GptqLayout.G_IDX)) {
      parts.require(GptqLayout.G_IDX, DType.I32, columns);
    }
    return new GptqSizes((int) rows, (int) columns, bits, (int) groups, groupSize);
  }

  long[] shape() {
    return new long[] {rows, columns};
  }
}
