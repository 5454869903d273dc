package dev.nibble.runtime.kernel;

/** Half-precision arrays; loops written so that the compiler vectorizes them. */
public final class Halves {
  private Halves() {}

  /** Widens {@code n} halves, exactly. */
  public static void toFloats(short[] from, int offset, float[] to, int toOffset, int n) {
    for (int i = 0; i < n; i++) {
      to[toOffset + i] = Float.float16ToFloat(from[offset + i]);
    }
  }
}
