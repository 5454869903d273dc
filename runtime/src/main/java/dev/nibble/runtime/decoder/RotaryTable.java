package dev.nibble.runtime.decoder;

import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.Rope;
import dev.nibble.core.model.RopeConfig;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/** Cosines and sines by position, extended as sequences grow. */
final class RotaryTable {
  private final RopeConfig rope;
  private final int maxPositions;
  private final int half;
  private final float factor;
  private double[] frequencies = {};
  private float[] cos = {};
  private float[] sin = {};
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

  /** Prepares positions below {@code length}, the length of the sequence so far. */
  void reserve(int length) {
    if (frequencies.length == 0 || changing(rope)) {
      double[] now = Rope.inverseFrequencies(rope, maxPositions, length);
      if (!Arrays.equals(now, frequencies)) {
        frequencies = now;
        filled = 0;
      }
    }
    if (length <= filled) {
      return;
    }
    int room = Math.max(256, Integer.highestOneBit(length - 1) * 2);
    if (cos.length < room * half) {
      cos = Arrays.copyOf(cos, room * half);
      sin = Arrays.copyOf(sin, room * half);
    }
    for (int p = filled; p < room; p++) {
      for (int i = 0; i < half; i++) {
        double angle = p * frequencies[i];
        cos[p * half + i] = (float) Math.cos(angle) * factor;
        sin[p * half + i] = (float) Math.sin(angle) * factor;
      }
    }
    filled = room;
  }

  /** Rotates one head vector in place. */
  void rotate(float[] x, int offset, int position) {
    int t = position * half;
    for (int i = 0; i < half; i++) {
      float a = x[offset + i];
      float b = x[offset + half + i];
      x[offset + i] = a * cos[t + i] - b * sin[t + i];
      x[offset + half + i] = b * cos[t + i] + a * sin[t + i];
    }
  }
}
