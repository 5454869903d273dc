package dev.nibble.runtime.kernel;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/** Vector shapes of this machine, chosen once. */
public final class Lanes {
  /** Widest float vector. */
  static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;

  /** Int vector of the same shape. */
  static final VectorSpecies<Integer> I = F.withLanes(int.class);

  /** Shorts, as many as there are floats in {@link #F}. */
  static final VectorSpecies<Short> HALF =
      VectorSpecies.of(short.class, VectorShape.forBitSize(F.vectorBitSize() / 2));

  /** Floats per vector: 4, 8 or 16. */
  public static final int WIDTH = F.length();

  /** Rows of a weight panel of the float tile: two vectors. */
  public static final int PANEL = 2 * WIDTH;

  /** Int vector of at most eight lanes, for block formats whose natural unit is 32 bytes. */
  static final VectorSpecies<Integer> I8 = WIDTH > 8 ? IntVector.SPECIES_256 : I;

  /** Floats of the shape of {@link #I8}. */
  static final VectorSpecies<Float> F8 = WIDTH > 8 ? FloatVector.SPECIES_256 : F;

  private Lanes() {}

  /** {@code n} rounded up to whole panels. */
  public static int padded(int n) {
    return (n + PANEL - 1) / PANEL * PANEL;
  }
}
