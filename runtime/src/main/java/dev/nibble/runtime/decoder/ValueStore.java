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
   * Writes positions {@code from} (inclusive) to {@code to} of a slice as floats.
   *
   * @param out room for {@code (to - from) * PANEL} floats
   */
  void slice(int array, int slice, int from, int to, float[] out);
}
