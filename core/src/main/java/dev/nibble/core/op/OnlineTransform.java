package dev.nibble.core.op;

/**
 * A linear map applied at run time to each input vector (last axis) of a site before its quantizer.
 * Orthonormal unless it says otherwise; {@code (M w)·(M x) = w·x} holds when the same map was
 * applied to the weight's rows.
 */
public sealed interface OnlineTransform {

  /** Orthonormal Walsh–Hadamard transform {@code H_n} of the whole vector, {@code n = K·2^m}. */
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
}
