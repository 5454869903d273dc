package dev.nibble.runtime.packed;

import dev.nibble.core.tensor.PackedFormat;

/**
 * Place of rounded inputs. A tile holds 1 to {@value #MOST} input vectors, block after block of 32
 * columns; in a block the 32 int8 codes of each vector, then a float scale of each, then for each
 * part a correction of each ({@link InputForm}).
 *
 * @param tokens vectors in the tile
 * @param parts corrections of a block, 1 or 2
 */
public record InputTile(int tokens, int parts) {
  /** Most vectors of a tile. */
  public static final int MOST = 16;

  /** Checks the range. */
  public InputTile {
    if (tokens < 1 || tokens > MOST) {
      throw new IllegalArgumentException("a tile has 1 to " + MOST + " vectors, not " + tokens);
    }
    if (parts != 1 && parts != 2) {
      throw new IllegalArgumentException("a block has 1 or 2 corrections, not " + parts);
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

  /** Offset of a vector's correction for a part. */
  public int correctionAt(int token, int part) {
    return scaleAt(tokens * (1 + part)) + 4 * token;
  }

  /** Bytes of a block. */
  public int blockBytes() {
    return scaleAt(tokens * (1 + parts));
  }

  /** Bytes of a tile for inputs of {@code columns} values. */
  public long bytes(int columns) {
    return (long) blockBytes() * (columns / PackedFormat.BLOCK);
  }
}
