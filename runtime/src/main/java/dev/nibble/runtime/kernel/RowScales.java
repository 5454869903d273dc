package dev.nibble.runtime.kernel;

/** Where the scales of a row's groups come from. */
interface RowScales {

  /** Scales of a row's groups into {@link Scratch#groupScales}. */
  void read(int row, Scratch s);
}
