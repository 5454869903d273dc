package dev.nibble.runtime.emit;

/** 64-bit general registers. */
enum Gpr {
  RAX(0),
  RCX(1),
  RDX(2),
  RBX(3),
  RSP(4),
  RBP(5),
  RSI(6),
  RDI(7),
  R8(8),
  R9(9),
  R10(10),
  R11(11),
  R12(12),
  R13(13),
  R14(14),
  R15(15);

  private final int number;

  Gpr(int number) {
    this.number = number;
  }

  /** Lower three bits of the number, which stand in operands. */
  int low() {
    return number & 7;
  }

  /** Fourth bit, which stands in prefixes. */
  int high() {
    return number >> 3;
  }

  /** Memory at this register plus {@code disp} bytes. */
  Mem at(int disp) {
    return new Mem(this, disp);
  }
}
