package dev.nibble.runtime.kernel;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorShuffle;
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

  private static final VectorShuffle<Float> BY_8 = exchange(8);
  private static final VectorShuffle<Float> BY_4 = exchange(4);
  private static final VectorShuffle<Float> BY_2 = exchange(2);
  private static final VectorShuffle<Float> BY_1 = exchange(1);

  private Lanes() {}

  private static VectorShuffle<Float> exchange(int distance) {
    return VectorShuffle.fromOp(F, lane -> lane ^ (distance & (WIDTH - 1)));
  }

  /**
   * Sum of all lanes in one fixed order. {@code reduceLanes} adds in another order when interpreted
   * than when compiled, so its bits would depend on when the compiler steps in.
   */
  static float sum(FloatVector v) {
    FloatVector folded = v;
    if (WIDTH >= 16) {
      folded = folded.add(folded.rearrange(BY_8));
    }
    if (WIDTH >= 8) {
      folded = folded.add(folded.rearrange(BY_4));
    }
    if (WIDTH >= 4) {
      folded = folded.add(folded.rearrange(BY_2));
    }
    return WIDTH >= 2 ? folded.add(folded.rearrange(BY_1)).lane(0) : folded.lane(0);
  }

  /** {@code n} rounded up to whole panels. */
  public static int padded(int n) {
    return (n + PANEL - 1) / PANEL * PANEL;
  }
}
