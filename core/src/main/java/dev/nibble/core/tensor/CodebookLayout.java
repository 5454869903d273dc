package dev.nibble.core.tensor;

/**
 * How a {@link CodebookTensor} is made up, apart from its shape.
 *
 * @param codebooks M, codewords that are added up for one group of columns, 1 to 16
 * @param bits B, bits of a code; a codebook has {@code 2^B} codewords, 1 to 16
 * @param groupSize g, consecutive columns of a row that one codeword spans, 1 to 256; the last
 *     group of a row is cut where it does not fill
 * @param rowGroups G, classes of rows, 1 to 256
 * @param multi each class of rows has codebooks of its own, else all rows share one set
 * @param scales what has a scale
 */
public record CodebookLayout(
    int codebooks, int bits, int groupSize, int rowGroups, boolean multi, Scales scales) {

  /** What has a scale, an fp16 factor. */
  public enum Scales {
    /** Nothing: codewords are weights. */
    NONE,
    /** Every row. */
    ROW,
    /** Every class of rows. */
    GROUP
  }

  /** Checks the ranges. */
  public CodebookLayout {
    if (codebooks < 1 || codebooks > 16 || bits < 1 || bits > 16) {
      throw new IllegalArgumentException(
          codebooks + " codebooks of " + bits + "-bit codes; 1 to 16 of each are stored");
    }
    if (groupSize < 1 || groupSize > 256 || rowGroups < 1 || rowGroups > 256) {
      throw new IllegalArgumentException(
          "codewords of "
              + groupSize
              + " columns for "
              + rowGroups
              + " classes of rows; 1 to 256 of each are stored");
    }
  }

  /** Codebooks shared by all rows, a scale a row: what additive quantization stores. */
  public static CodebookLayout additive(int codebooks, int bits, int groupSize) {
    return new CodebookLayout(codebooks, bits, groupSize, 1, false, Scales.ROW);
  }

  /** Name for reports: {@code codebook2x8:g8}, {@code codebook1x3:g1:multi16}. */
  public String text() {
    String name = "codebook" + codebooks + "x" + bits + ":g" + groupSize;
    if (multi) {
      name += ":multi" + rowGroups;
    }
    return switch (scales) {
      case ROW -> multi ? name + ":rows" : name;
      case GROUP -> name + ":scaled" + rowGroups;
      case NONE -> multi ? name : name + ":plain";
    };
  }

  /** Codewords of a codebook. */
  public int codewords() {
    return 1 << bits;
  }

  /** Sets of codebooks. */
  public int sets() {
    return multi ? rowGroups : 1;
  }

  /** Codeword elements of all sets. */
  public long elements() {
    return (long) sets() * codebooks * codewords() * groupSize;
  }

  /** Groups of a row of so many columns. */
  public int groups(int columns) {
    return Math.ceilDiv(columns, groupSize);
  }

  /** Codes of a row. */
  public int codes(int columns) {
    return Math.multiplyExact(groups(columns), codebooks);
  }

  /** Bytes of a row's codes. */
  public long rowBytes(int columns) {
    return BitPacking.paddedBytes(codes(columns), bits);
  }

  /** Number of scales. */
  public long scaleCount(long rows) {
    return switch (scales) {
      case NONE -> 0;
      case ROW -> rows;
      case GROUP -> rowGroups;
    };
  }

  /** Bits of a row's class; 0 when there is one class. */
  public int classBits() {
    return rowGroups == 1 ? 0 : 32 - Integer.numberOfLeadingZeros(rowGroups - 1);
  }

  /** Bytes of the classes of all rows. */
  public long classBytes(long rows) {
    return classBits() == 0 ? 0 : BitPacking.paddedBytes(rows, classBits());
  }

  /** Bytes of a whole tensor. */
  public long bytes(long rows, int columns) {
    return rows * rowBytes(columns) + 2 * elements() + 2 * scaleCount(rows) + classBytes(rows);
  }

  /** Share of the codebooks in the bytes of a tensor, 0 to 1. */
  public double codebookShare(long rows, int columns) {
    return 2.0 * elements() / bytes(rows, columns);
  }
}
