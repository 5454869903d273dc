package dev.nibble.runtime.kernel;

import dev.nibble.core.tensor.BinaryTensor;

/** Working memory of one thread of a {@link Team}, sized for the widest matrix of a model. */
public final class Scratch {
  /** Columns of a panel block: {@code PANEL * BLOCK} floats stay in the first-level cache. */
  static final int BLOCK = 256;

  /** Columns whose codes are unpacked at a time: 8 KiB of floats, whole blocks of every type. */
  static final int STRETCH = 2048;

  /** Unpacked codes of a stretch of a row. */
  final float[] codes = new float[STRETCH];

  /** Unpacked codes of a stretch of a row that point into codebooks. */
  final int[] indices = new int[STRETCH];

  /** Decoded rows, {@code [PANEL, columns]}. */
  final float[] rows;

  /** Transposed block, {@code [BLOCK, PANEL]}. */
  final float[] panel = new float[BLOCK * Lanes.PANEL];

  /** Scale of each 32-bit word of codes of a row. */
  final float[] wordScales;

  /** Scale of each group of a row. */
  final float[] groupScales;

  /** Zero-point of each group of a row. */
  final float[] groupZeros;

  /** Half-precision words of a row on their way to floats. */
  final short[] shorts;

  /** Values of a block of binary weights. */
  final float[] levels = new float[BinaryTensor.LEVELS];

  /** The bits of {@link #levels}, for as many as the widest vector loads. */
  final int[] table = new int[2 * BinaryTensor.LEVELS];

  /** What one of several bands of a matrix yields; grows to what is asked of it. */
  private float[] band = {};

  /** Space for matrices of up to {@code columns} columns. */
  public Scratch(int columns) {
    // a block of binary weights has several scalars, however narrow the matrix
    int scales = Math.max(columns, BinaryTensor.LEVELS);
    rows = new float[Lanes.PANEL * columns];
    wordScales = new float[columns];
    groupScales = new float[scales];
    groupZeros = new float[columns];
    shorts = new short[scales];
  }

  /** Space for {@code floats} values of one band. */
  float[] band(int floats) {
    if (band.length < floats) {
      band = new float[floats];
    }
    return band;
  }
}
