package dev.nibble.compress.solve;

/** Errors of binary layers, before anything is rounded for storage (sheet 12e, steps 1 and 2). */
final class BinaryLayers {
  private BinaryLayers() {}

  /**
   * {@code ‖v - B^k(v)‖²} of the first {@code n} values: each layer is {@code mean + magnitude ·
   * sign} of what those before it left over. The values become what is left over.
   *
   * @param layers k, at least 1
   * @param centred with means
   */
  static double error(float[] v, int n, int layers, boolean centred) {
    double squares = 0;
    for (int layer = 0; layer < layers; layer++) {
      double sum = 0;
      for (int i = 0; centred && i < n; i++) {
        sum += v[i];
      }
      float mean = n == 0 ? 0f : (float) (sum / n);
      double distance = 0;
      for (int i = 0; i < n; i++) {
        distance += Math.abs(v[i] - mean);
      }
      float magnitude = n == 0 ? 0f : (float) (distance / n);
      squares = 0;
      for (int i = 0; i < n; i++) {
        float centredValue = v[i] - mean;
        float rest = centredValue - (centredValue >= 0 ? magnitude : -magnitude);
        v[i] = rest;
        squares += rest * rest;
      }
    }
    return squares;
  }
}
