package dev.nibble.runtime.decoder;

import dev.nibble.runtime.kernel.Lanes;

/**
 * Values of one sequence in slices of {@link Lanes#PANEL} dimensions, {@code [dim /
 * PANEL][position][PANEL]} for each array of the {@link KvShape}: the float tile mixes any run of
 * positions of a slice. Different positions may be stored by different threads at the same time.
 */
interface ValueStore {

  /** Makes room for {@code positions} positions, keeping those that are there. */
  void grow(int positions);

  /** Bytes held now. */
  long byteSize();

  /** Stores one position: {@code headDim} floats of {@code x} from {@code offset}. */
  void store(int array, int position, float[] x, int offset);

  /**
   * Positions {@code from} (inclusive) to {@code to} of a slice, as floats.
   *
   * @param scratch room for {@code (to - from) * PANEL} floats, filled unless floats are stored
   * @return the array that holds them from {@link #sliceAt}: the store's own or {@code scratch}
   */
  float[] slice(int array, int slice, int from, int to, float[] scratch);

  /** Where position {@code from} starts in the array that {@link #slice} returned. */
  int sliceAt(int from);
}
