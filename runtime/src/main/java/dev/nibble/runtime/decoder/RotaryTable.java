package dev.nibble.runtime.decoder;

import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.Rope;
import dev.nibble.core.model.RopeConfig;
import dev.nibble.runtime.kernel.VectorMath;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/** Cosines and sines by position, extended as sequences grow. */
final class RotaryTable {
  private final RopeConfig rope;
  private final int maxPositions;
  private final int half;
  private final float factor;
  private int effectiveLength = -1;
  private double[] frequencies = {};
  private float[] cos = {};
  private float[] sin = {};

  /** Positions from {@code first} to {@code filled} are those of the present frequencies. */
  private int first;

  private int filled;

  RotaryTable(RopeConfig rope, int maxPositions) {
    this.rope = rope;
    this.maxPositions = maxPositions;
    half = rope.dim() / 2;
    factor = (float) Rope.attentionFactor(rope, maxPositions);
  }

  /** A table for each layer; layers that attend alike share one. */
  static List<RotaryTable> of(ModelConfig config) {
    RotaryTable global = new RotaryTable(config.rope(), config.maxPositions());
    RotaryTable local = new RotaryTable(config.local().rope(), config.maxPositions());
    return IntStream.range(0, config.layers())
        .mapToObj(layer -> config.isLocal(layer) ? local : global)
        .toList();
  }

  /**
   * Whether tables of this model change with the length of a sequence, so that each needs its own.
   */
  static boolean dependOnLength(ModelConfig config) {
    return changing(config.rope()) || changing(config.local().rope());
  }

  private static boolean changing(RopeConfig rope) {
    return rope.scaling() == RopeConfig.Scaling.DYNAMIC
        || rope.scaling() == RopeConfig.Scaling.LONGROPE;
  }

  /**
   * Prepares positions from {@code from} to {@code to}. Where frequencies depend on the length only
   * these are computed anew when it changes: earlier keys stay as they were rotated.
   *
   * @param length the length of the sequence so far, at least {@code to}
   */
  void reserve(int from, int to, int length) {
    int effective = Rope.effectiveLength(rope, maxPositions, length);
    if (effective != effectiveLength) {
      frequencies = Rope.inverseFrequencies(rope, maxPositions, length);
      effectiveLength = effective;
      first = from;
      filled = from;
    }
    if (from < first || from > filled) {
      first = from;
      filled = from;
    }
    if (cos.length < to * half) {
      int room = Math.max(256, Integer.highestOneBit(to - 1) * 2);
      cos = Arrays.copyOf(cos, room * half);
      sin = Arrays.copyOf(sin, room * half);
    }
    for (; filled < to; filled++) {
      for (int i = 0; i < half; i++) {
        double angle = filled * frequencies[i];
        cos[filled * half + i] = (float) Math.cos(angle) * factor;
        sin[filled * half + i] = (float) Math.sin(angle) * factor;
      }
    }
  }

  /** Rotates one head vector in place. */
  void rotate(float[] x, int offset, int position) {
    VectorMath.rotate(x, offset, half, cos, sin, position * half);
  }
}
