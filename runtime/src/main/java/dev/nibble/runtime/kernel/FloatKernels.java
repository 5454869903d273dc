package dev.nibble.runtime.kernel;

/** The float loops of attention and of gated MLPs. Every implementation returns the same bits. */
public interface FloatKernels {

  /** Through the Vector API. */
  FloatKernels VECTOR =
      new FloatKernels() {
        @Override
        public void tile(
            float[] panel,
            int p,
            int k,
            float[] x,
            int[] xs,
            int xShift,
            float[] y,
            int[] ys,
            int yShift,
            int tokens,
            boolean add) {
          Tile.multiply(panel, p, k, x, xs, xShift, y, ys, yShift, tokens, add);
        }

        @Override
        public void swiglu(float[] gate, float[] up, int at, int n) {
          VectorMath.silu(gate, at, n);
          VectorMath.times(gate, at, up, at, n);
        }

        @Override
        public float exponentials(float[] a, int offset, int n, float max) {
          return VectorMath.exponentials(a, offset, n, max);
        }
      };

  /** As {@link Tile#multiply}. */
  void tile(
      float[] panel,
      int p,
      int k,
      float[] x,
      int[] xs,
      int xShift,
      float[] y,
      int[] ys,
      int yShift,
      int tokens,
      boolean add);

  /** {@code gate = gate · sigmoid(gate) · up} for {@code n} values from {@code at}. */
  void swiglu(float[] gate, float[] up, int at, int n);

  /** As {@link VectorMath#exponentials}. */
  float exponentials(float[] a, int offset, int n, float max);
}
