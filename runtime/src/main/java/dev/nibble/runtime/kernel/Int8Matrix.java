package dev.nibble.runtime.kernel;

import dev.nibble.runtime.packed.InputForm;
import dev.nibble.runtime.packed.InputTile;
import java.lang.foreign.MemorySegment;

/**
 * A matrix whose products take inputs rounded to 8 bits, laid out in tiles ({@link InputTile}). The
 * arithmetic is that of {@link dev.nibble.runtime.packed.PackedReference}, bit for bit, so that a
 * product does not depend on how many inputs stand in a tile. What {@link Matrix} offers beside
 * stays exact.
 */
public interface Int8Matrix extends Matrix {

  /** What the tiles must hold. */
  InputForm form();

  /** Groups of 32 rows, the last one perhaps not full. */
  int rowGroups();

  /**
   * Rounds an input into its place.
   *
   * @param x segment over a whole float array
   * @param at index of the first of {@link #columns} values
   * @param tile memory of the tile, off-heap
   */
  void round(MemorySegment x, int at, InputTile layout, int token, MemorySegment tile);

  /**
   * {@code y[at + (16·tile + token)·stride + row − 32·from] = w[row] · x[tile, token]} for the rows
   * of groups {@code [from, to)}; of a last group that is not full, all 32 places are written.
   *
   * @param tiles memory of {@code count} tiles one after the other
   * @param y segment over a whole float array
   * @throws IndexOutOfBoundsException when something would be read or written outside
   */
  void multiply(
      int from,
      int to,
      InputTile layout,
      MemorySegment tiles,
      int count,
      MemorySegment y,
      int at,
      int stride);
}
