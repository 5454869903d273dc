package dev.nibble.runtime.emit;

/**
 * A memory operand.
 *
 * @param base register with an address
 * @param index register with a count of floats that is added, or null; not rsp, whose number stands
 *     for none
 * @param disp bytes added
 */
record Mem(Gpr base, Gpr index, int disp) {

  /** Refuses what has no encoding. */
  Mem {
    if (index == Gpr.RSP) {
      throw new IllegalArgumentException("rsp cannot be an index");
    }
  }

  /** Without index. */
  Mem(Gpr base, int disp) {
    this(base, null, disp);
  }

  /** The same with an index. */
  Mem plusFloats(Gpr count) {
    return new Mem(base, count, disp);
  }
}
