package dev.nibble.runtime.kernel;

/**
 * A stored weight {@code [rows, columns]} bound to the kernel that runs it. Immutable; any number
 * of threads may use it, each with its own {@link Scratch}.
 */
public interface Matrix {

  /** Outputs. */
  int rows();

  /** Inputs. */
  int columns();

  /** Stored bytes a full product reads. */
  long byteSize();

  /** Name of the kernel, as {@code affine4-words}. */
  String kernel();

  /** Rows that a thread best takes at a time with one input vector. */
  default int chunk() {
    return 32;
  }

  /**
   * Brings one input vector into the order {@link #multiply} wants.
   *
   * @param x source, {@code columns} values from {@code offset}
   */
  void prepare(float[] x, int offset, Input into);

  /**
   * {@code y[yOffset + r] = w[r] · x} for rows {@code [from, to)}.
   *
   * @param x a vector prepared by this matrix
   */
  void multiply(int from, int to, Input x, float[] y, int yOffset, Scratch scratch);

  /**
   * Values of rows {@code [from, to)}, row-major from {@code out[offset]}; bit-equal to the
   * reference.
   */
  void decode(int from, int to, float[] out, int offset, Scratch scratch);
}
