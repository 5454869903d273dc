package dev.nibble.runtime.emit;

/**
 * A memory operand.
 *
 * @param base register with an address
 * @param disp bytes added to it
 */
record Mem(Gpr base, int disp) {}
