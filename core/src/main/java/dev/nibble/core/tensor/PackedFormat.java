package dev.nibble.core.tensor;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The order of codes and scales that integer kernels read from the first byte to the last, the same
 * for one input vector and for many.
 *
 * <p>Rows stand in <b>row groups</b> of {@value #ROWS}, the last one filled up with rows of scale
 * 0; columns in <b>blocks</b> of {@value #BLOCK}; a row group consists of two <b>halves</b> of
 * {@value #LANES} rows. A half's codes of a block are eight <b>words</b>: word j has for each of
 * its rows, a lane of 32 bits, the codes of columns {@code 4j .. 4j+3}, a byte each. Codes are
 * unsigned.
 *
 * <p>Words are stored in bit <b>planes</b> of 8, 4, 2 or 1 bits that sum up to the code's bits, the
 * widest first and holding the lowest bits: 6 bits are a plane of 4 and one of 2. A plane of w bits
 * has w vectors of 64 bytes; vector v holds in bits {@code f·w .. f·w+w-1} of each byte its part of
 * word {@code v·(8/w) + f}.
 *
 * <p>As many columns as share a scale, but at least a block, are a <b>column group</b>; where 16
 * columns share a scale, its block has two <b>parts</b>, words 0 to 3 and words 4 to 7:
 *
 * <pre>
 * row group 0: column group 0, column group 1, …; row group 1: …
 * column group: block 0: half 0 (64·bits bytes), half 1; block 1: …;
 *               for each part the scales of the 32 rows, fp16;
 *               with mins: for each part the mins of the 32 rows, fp16
 * </pre>
 *
 * A value is {@code factor · (scale · code + min)} with mins, else {@code factor · scale · (code −
 * 2^(bits−1))}, which is {@code entry − 128} of a table; the factor is a power of two of the whole
 * tensor that keeps scales away from fp16's subnormal numbers, which are stored as 0.
 *
 * @param bits bits of a code, 1 to 8
 * @param shared columns that share a scale: 16, 32, 64 or 128
 * @param mins whether each scale has a min beside it
 * @param table whether codes, of 4 bits and without mins, point into a table of 16 bytes that are
 *     the codes of 8 bits
 */
public record PackedFormat(int bits, int shared, boolean mins, boolean table) {
  /** Rows of a row group. */
  public static final int ROWS = 32;

  /** Rows of a half: lanes of 32 bits in a vector of 512. */
  public static final int LANES = 16;

  /** Columns of a block. */
  public static final int BLOCK = 32;

  /** Words of a half's block. */
  public static final int WORDS = 8;

  /** Bytes of a vector. */
  public static final int VECTOR = 64;

  /** Entries of a table. */
  public static final int TABLE = 16;

  /** Planes for each number of bits. */
  private static final List<List<Plane>> PLANES =
      IntStream.rangeClosed(0, 8).mapToObj(PackedFormat::planesOf).toList();

  /** Without a table. */
  public PackedFormat(int bits, int shared, boolean mins) {
    this(bits, shared, mins, false);
  }

  /** Checks ranges. */
  public PackedFormat {
    if (bits < 1 || bits > 8) {
      throw new IllegalArgumentException("codes have 1 to 8 bits, not " + bits);
    }
    if (shared < 16 || shared > 128 || Integer.bitCount(shared) != 1) {
      throw new IllegalArgumentException("16, 32, 64 or 128 columns share a scale, not " + shared);
    }
    if (table && (bits != 4 || mins)) {
      throw new IllegalArgumentException("only codes of 4 bits without mins point into a table");
    }
  }

  /**
   * Some bits of all codes of a half's block.
   *
   * @param width bits: 8, 4, 2 or 1
   * @param shift place of its lowest bit in the code
   * @param at byte offset of its first vector in the half's block
   */
  public record Plane(int width, int shift, int at) {

    /** Words that share a vector. */
    public int wordsPerVector() {
      return 8 / width;
    }

    /** Offset in the half's block of the vector that holds a word. */
    public int vectorOf(int word) {
      return at + word / wordsPerVector() * VECTOR;
    }

    /** Lowest bit of the word's field in each byte of its vector. */
    public int fieldOf(int word) {
      return word % wordsPerVector() * width;
    }

    /** A byte with the plane's bits set where they belong in a code. */
    public int mask() {
      return ((1 << width) - 1) << shift;
    }
  }

  /** Planes, lowest bits first. */
  public List<Plane> planes() {
    return PLANES.get(bits);
  }

  private static List<Plane> planesOf(int bits) {
    List<Plane> planes = new ArrayList<>();
    int shift = 0;
    for (int width = 8; width > 0; width /= 2) {
      if ((bits & width) != 0) {
        planes.add(new Plane(width, shift, shift * VECTOR));
        shift += width;
      }
    }
    return List.copyOf(planes);
  }

  /** What a code without min is taken from: the code of 0. */
  public int offset() {
    return mins ? 0 : table ? 128 : 1 << (bits - 1);
  }

  /** Bytes of a half's codes of a block. */
  public int halfBytes() {
    return VECTOR * bits;
  }

  /** Bytes of a row group's codes of a block. */
  public int blockBytes() {
    return 2 * halfBytes();
  }

  /** Blocks of a column group. */
  public int blocks() {
    return Math.max(1, shared / BLOCK);
  }

  /** Scales that a row has in a block. */
  public int parts() {
    return Math.max(1, BLOCK / shared);
  }

  /** Words of a block that share a scale. */
  public int wordsPerPart() {
    return WORDS / parts();
  }

  /** Offset of a part's scales in a column group. */
  public int scalesAt(int part) {
    return blocks() * blockBytes() + part * 2 * ROWS;
  }

  /** Offset of a part's mins in a column group. */
  public int minsAt(int part) {
    return scalesAt(parts() + part);
  }

  /** Bytes of a column group of a row group. */
  public int groupBytes() {
    return scalesAt(mins ? 2 * parts() : parts());
  }

  /** Bytes of a matrix of whole column groups. */
  public long byteSize(long rows, int columns) {
    long strip = (long) columns / groupColumns() * groupBytes();
    return Math.multiplyExact(strip, Math.ceilDiv(rows, (long) ROWS));
  }

  /** Columns of a column group. */
  public int groupColumns() {
    return blocks() * BLOCK;
  }
}
