package dev.nibble.core.rounding;

/** How the range of a group is shortened before the grid is laid over it. */
public enum Clip {
  /** Not at all: the extremes are representable. */
  NONE,
  /**
   * For {@code p = 1, 0.99, …, 0.21} the range {@code (p·lo, p·hi)}; the first p with the smallest
   * {@code Σ|ŵ - w|^norm} wins (80 of 100 grid points, as published with GPTQ).
   */
  MSE
}
