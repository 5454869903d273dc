package dev.nibble.runtime.emit;

/**
 * A memory operand.
 *
 * @param base register with an address
 * @param index register with a count of floats that is added, or null
 * @param disp bytes added
 */
record Mem(Gpr base, Gpr index, int disp) {

  /** Without index. */
  Mem(Gpr base, int disp) {
    this(base, null, disp);
  }

  /** The same with an index. */
  Mem plusFloats(Gpr count) {
    return new Mem(base, count, disp);
  }
}
