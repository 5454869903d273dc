package dev.nibble.runtime.decoder;

import dev.nibble.runtime.kernel.Lanes;

/**
 * Keys of one sequence in panels, {@code [position / PANEL][headDim][PANEL]} for each array of the
 * {@link KvShape}: the float tile scores {@link Lanes#PANEL} positions with one panel. Different
 * positions may be stored by different threads at the same time.
 */
interface KeyStore {

  /**
   * Makes room for {@code positions} positions, a multiple of the panel width, keeping the rest.
   */
  void grow(int positions);

  /** Bytes held now. */
  long byteSize();

  /** Stores one position: {@code headDim} floats of {@code x} from {@code offset}. */
  void store(int array, int position, float[] x, int offset);

  /**
   * Writes the panel of positions {@code block * PANEL} and following as floats.
   *
   * @param to room for a panel of {@code headDim + 7} rows
   */
  void panel(int array, int block, float[] to);
}
