package dev.nibble.core.op;

import java.util.Arrays;
import java.util.Objects;

/**
 * A linear map applied at run time to each input vector (last axis) of a site before its quantizer.
 * Orthonormal unless it says otherwise; {@code (M w)·(M x) = w·x} holds when the same map was
 * applied to the weight's rows.
 */
public sealed interface OnlineTransform {

  /**
   * Orthonormal Walsh–Hadamard transform {@code H_n} of the whole vector, {@code n = K·2^m}, as
   * {@link dev.nibble.core.transform.Hadamard} defines it.
   */
  record Hadamard(int n) implements OnlineTransform {}

  /**
   * {@code H_heads ⊗ I_headDim}: the part of a full Hadamard that a per-head fold into {@code
   * v_proj} leaves to be done across heads.
   */
  record HeadHadamard(int heads, int headDim) implements OnlineTransform {}

  /** Independent Hadamard transforms of consecutive blocks of {@code block} elements. */
  record BlockHadamard(int block) implements OnlineTransform {}

  /** {@code y[i] = x[source[i]]}. */
  record Permutation(int[] source) implements OnlineTransform {}

  /** {@code y[i] = x[i] * factor[i]} (a scale that no producer could take). */
  record Scaling(float[] factor) implements OnlineTransform {}

  /**
   * Reference arithmetic: transforms one vector, {@code x[offset .. offset + columns)}, in place.
   *
   * @throws dev.nibble.core.NibbleException for an order without a known Hadamard matrix
   * @throws IllegalArgumentException when the transform is not one of vectors of this length
   */
  default void apply(float[] x, int offset, int columns) {
    Objects.checkFromIndexSize(offset, columns, x.length);
    switch (this) {
      case Hadamard h -> applyBlocks(x, offset, columns, requireWidth(h.n(), columns));
      case BlockHadamard b -> applyBlocks(x, offset, columns, b.block());
      case HeadHadamard h -> {
        requireWidth(h.heads() * h.headDim(), columns);
        acrossHeads(h, x, offset);
      }
      case Permutation p -> {
        requireWidth(p.source().length, columns);
        float[] before = Arrays.copyOfRange(x, offset, offset + columns);
        for (int i = 0; i < columns; i++) {
          x[offset + i] = before[p.source()[i]];
        }
      }
      case Scaling s -> {
        requireWidth(s.factor().length, columns);
        for (int i = 0; i < columns; i++) {
          x[offset + i] *= s.factor()[i];
        }
      }
    }
  }

  private static int requireWidth(int expected, int columns) {
    if (expected != columns) {
      throw new IllegalArgumentException(
          "a transform of " + expected + " elements cannot take " + columns);
    }
    return expected;
  }

  private static void applyBlocks(float[] x, int offset, int columns, int block) {
    if (columns % block != 0) {
      throw new IllegalArgumentException(columns + " elements are not blocks of " + block);
    }
    dev.nibble.core.transform.Hadamard h = dev.nibble.core.transform.Hadamard.of(block);
    for (int at = offset; at < offset + columns; at += block) {
      h.transform(x, at);
    }
  }

  private static void acrossHeads(HeadHadamard map, float[] x, int offset) {
    dev.nibble.core.transform.Hadamard h = dev.nibble.core.transform.Hadamard.of(map.heads());
    float[] lane = new float[map.heads()];
    for (int i = 0; i < map.headDim(); i++) {
      for (int head = 0; head < lane.length; head++) {
        lane[head] = x[offset + head * map.headDim() + i];
      }
      h.transform(lane, 0);
      for (int head = 0; head < lane.length; head++) {
        x[offset + head * map.headDim() + i] = lane[head];
      }
    }
  }
}
