package dev.nibble.runtime.emit;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** The block of memory in which one thread hands a kernel what it needs. */
final class Arguments {
  // of products
  static final int WEIGHTS = 0;
  static final int TILES = 8;
  static final int GROUPS = 16;
  static final int ROW_GROUPS = 24;
  static final int OUT = 32;
  static final int OUT_STRIDE = 40;
  static final int TILE_COUNT = 48;
  static final int MASKS = 56;
  static final int TABLE = 80;

  // of rounding an input
  static final int BLOCKS = 0;
  static final int CODES = 8;
  static final int SCALES = 16;
  static final int CORRECTIONS = 24;
  static final int STEP = 32;
  static final int IN = 40;
  static final int MORE_CORRECTIONS = 48;
  static final int CONSTANTS = 56;

  // of float tiles: byte offsets into the arrays
  static final int PANEL = 0;
  static final int LENGTH = 8;
  static final int TILE_IN = 16;
  static final int TILE_OUT = 64;

  // of element-wise functions: byte offsets, and floats
  static final int FIRST = 0;
  static final int SECOND = 8;
  static final int VECTORS = 16;
  static final int PARAMETER = 24;
  static final int FUNCTION_CONSTANTS = 32;

  private static final int BYTES = 128;

  private final MemorySegment block = Arena.ofAuto().allocate(BYTES, 64);
  private final long address = block.address();

  /** Where it lies. */
  long address() {
    return address;
  }

  void set(int at, long value) {
    block.set(JAVA_LONG, at, value);
  }

  void setBytes(int at, byte[] bytes) {
    MemorySegment.copy(bytes, 0, block, JAVA_BYTE, at, bytes.length);
  }

  void setInt(int at, int value) {
    block.set(JAVA_INT, at, value);
  }

  void setFloat(int at, float value) {
    block.set(JAVA_FLOAT, at, value);
  }
}
