package dev.nibble.runtime.kernel;

import java.lang.foreign.MemorySegment;

/**
 * Segments over the last few float arrays that were asked for, so that a loop over the same arrays
 * makes none. For one thread; keeps those arrays alive.
 */
public final class ArraySegments {
  private static final int KEPT = 16;

  private final float[][] arrays = new float[KEPT][];
  private final MemorySegment[] segments = new MemorySegment[KEPT];
  private int next;

  /** The segment over a whole array. */
  public MemorySegment of(float[] array) {
    for (int i = 0; i < KEPT; i++) {
      if (arrays[i] == array) {
        return segments[i];
      }
    }
    int i = next;
    next = (i + 1) % KEPT;
    arrays[i] = array;
    segments[i] = MemorySegment.ofArray(array);
    return segments[i];
  }
}
