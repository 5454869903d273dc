package dev.nibble.runtime.emit;

import java.io.ByteArrayOutputStream;

/** The bytes of machine code as they are written, and the operands that instructions share. */
abstract class CodeBuffer {
  /** Operand code that says a SIB byte follows. */
  private static final int SIB = 4;

  private static final int NO_INDEX = 4 << 3;
  private static final int TIMES_4 = 2 << 6;

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();

  /** The code so far. */
  final byte[] bytes() {
    return out.toByteArray();
  }

  /** Position of the next instruction: a target for {@link Assembler#jnz}. */
  final int here() {
    return out.size();
  }

  /** Fills up with instructions that do nothing. */
  final void align(int bytes) {
    while (here() % bytes != 0) {
      emit(0x90);
    }
  }

  /** Fourth bits of index and base, where prefixes hold them. */
  static int high(Mem m) {
    return (m.index() == null ? 0 : m.index().high() << 1) | m.base().high();
  }

  /** ModRM, SIB and displacement; a one-byte displacement counts units. */
  final void operand(int reg, Mem m, int unit) {
    int base = m.base().low();
    boolean needsSib = m.index() != null || base == Gpr.RSP.low();
    boolean needsDisp = base == Gpr.RBP.low();
    int disp = m.disp();
    boolean small = disp % unit == 0 && disp / unit >= -128 && disp / unit <= 127;
    int mode = disp == 0 && !needsDisp ? 0x00 : small ? 0x40 : 0x80;
    emit(mode | reg << 3 | (needsSib ? SIB : base));
    if (needsSib) {
      emit(m.index() == null ? NO_INDEX | base : TIMES_4 | m.index().low() << 3 | base);
    }
    if (mode == 0x40) {
      emit(disp / unit);
    } else if (mode == 0x80) {
      emit32(disp);
    }
  }

  final void emit(int... bytes) {
    for (int b : bytes) {
      out.write(b);
    }
  }

  final void emit32(int value) {
    emit(value, value >> 8, value >> 16, value >> 24);
  }
}
