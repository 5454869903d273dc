package dev.nibble.runtime.decoder;

/** How far a stored number may be from the original, by the definition of each kind. */
final class Errors {
  private Errors() {}

  /** Largest error of each of {@code n} numbers stored together from {@code offset}. */
  static double[] of(KvKind kind, float[] x, int offset, int n) {
    double[] bounds = new double[n];
    for (int first = 0; first < n; first += KvShape.GROUP) {
      int end = Math.min(n, first + KvShape.GROUP);
      double low = Double.POSITIVE_INFINITY;
      double high = Double.NEGATIVE_INFINITY;
      for (int i = first; i < end; i++) {
        low = Math.min(low, x[offset + i]);
        high = Math.max(high, x[offset + i]);
      }
      for (int i = first; i < end; i++) {
        double v = Math.abs(x[offset + i]);
        bounds[i] =
            switch (kind) {
              case FP32 -> 0;
              case FP16 -> v * 0x1p-11 + 0x1p-25;
              case Q8 -> Math.max(high, -low) / 254 * (1 + 0x1p-7) + 1e-6 * v;
              case Q4 ->
                  (high - low + Math.abs(low) * 0x1p-7) / 30 * (1 + 0x1p-7)
                      + 1e-6 * (v + Math.abs(low));
            };
      }
    }
    return bounds;
  }
}
