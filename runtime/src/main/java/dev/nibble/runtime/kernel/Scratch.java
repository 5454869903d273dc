package dev.nibble.runtime.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Working memory of one thread of a {@link Team}, sized for the widest matrix of a model. */
public final class Scratch {
  /** Columns of a panel block: {@code PANEL * BLOCK} floats stay in the first-level cache. */
  static final int BLOCK = 256;

  /** Decoded rows, {@code [PANEL, columns]}. */
  final float[] rows;

  /** Transposed block, {@code [BLOCK, PANEL]}. */
  final float[] panel = new float[BLOCK * Lanes.PANEL];

  /** Scale of each 32-bit word of a row. */
  final float[] wordScales;

  /** Scale (and offset) of each group of a row. */
  final float[] groupScales;

  final float[] groupOffsets;

  /** Half-precision words of a row on their way to floats. */
  final short[] shorts;

  /** Re-ordered codes of a row, outside the heap like the weights they stand for. */
  final MemorySegment staged;

  /** Space for matrices of up to {@code columns} columns. */
  public Scratch(int columns) {
    rows = new float[Lanes.PANEL * columns];
    wordScales = new float[columns + Lanes.WIDTH];
    groupScales = new float[columns + 1];
    groupOffsets = new float[columns + 1];
    shorts = new short[columns];
    staged = Arena.ofAuto().allocate(columns + 64L, 64);
  }
}
