package dev.nibble.runtime.packed;

/**
 * Place of rounded inputs. A tile holds 1 to {@value #MOST} input vectors, block after block of 32
 * columns; in a block the 32 int8 codes of each vector, then a float scale of each, then a
 * correction of each ({@link InputForm}).
 *
 * @param tokens vectors in the tile
 */
public record InputTile(int tokens) {
  /** Most vectors of a tile. */
  public static final int MOST = 16;

  /** Checks the range. */
  public InputTile {
    if (tokens < 1 || tokens > MOST) {
      throw new IllegalArgumentException("a tile has 1 to " + MOST + " vectors, not " + tokens);
    }
  }

  /** Offset of a vector's codes in a block. */
  public int codesAt(int token) {
    return PackedFormat.BLOCK * token;
  }

  /** Offset of a vector's scale. */
  public int scaleAt(int token) {
    return PackedFormat.BLOCK * tokens + 4 * token;
  }

  /** Offset of a vector's correction. */
  public int correctionAt(int token) {
    return scaleAt(tokens) + 4 * token;
  }

  /** Bytes of a block. */
  public int blockBytes() {
    return (PackedFormat.BLOCK + 8) * tokens;
  }

  /** Bytes of a tile. */
  public static long bytes(int tokens, int columns) {
    return (PackedFormat.BLOCK + 8L) * tokens * (columns / PackedFormat.BLOCK);
  }
}
