package dev.nibble.runtime.emit;

/**
 * Encodes the x86-64 instructions that the kernels are made of (Intel 64 and IA-32 Architectures
 * Software Developer's Manual, volume 2). Vector instructions work on 512 bits and on registers
 * zmm0 to zmm31, given by number; an instruction's first operand is its destination. Jumps go
 * backwards only, to a position taken with {@link #here}.
 */
final class Assembler extends CodeBuffer {
  /** Element of a memory operand that every lane receives ({@code {1to16}}). */
  private static final boolean BROADCAST = true;

  // ---- vectors

  /** {@code d = 64 bytes at m}. */
  void vmovups(int d, Mem m) {
    vector(VectorOp.MOVUPS_LOAD, d, 0, m, false, 64);
  }

  /** {@code 64 bytes at m = s}. */
  void vmovups(Mem m, int s) {
    vector(VectorOp.MOVUPS_STORE, s, 0, m, false, 64);
  }

  /** {@code float at m = lane 0 of s}. */
  void vmovss(Mem m, int s) {
    vector(VectorOp.MOVSS_STORE, s, 0, m, false, 4);
  }

  /** {@code d = the 32 bits at m in every lane}. */
  void vpbroadcastd(int d, Mem m) {
    vector(VectorOp.PBROADCASTD, d, 0, m, false, 4);
  }

  /**
   * {@code d += Σ of four products of unsigned bytes of a with the signed bytes at m}, per lane.
   */
  void vpdpbusd(int d, int a, Mem m) {
    vector(VectorOp.PDPBUSD, d, a, m, BROADCAST, 4);
  }

  /** {@code d = the 16 bytes at m}, four times. */
  void vbroadcasti32x4(int d, Mem m) {
    vector(VectorOp.BROADCASTI32X4, d, 0, m, false, 16);
  }

  /** {@code d = bytes of a looked up by the bytes of b}, each 16 in their own 16. */
  void vpshufb(int d, int a, int b) {
    vector(VectorOp.PSHUFB, d, a, b);
  }

  /** {@code d = a & b}. */
  void vpandd(int d, int a, int b) {
    vector(VectorOp.PANDD, d, a, b);
  }

  /** {@code d = a & 64 bytes at m}. */
  void vpandd(int d, int a, Mem m) {
    vector(VectorOp.PANDD, d, a, m, false, 64);
  }

  /** {@code d = a ^ b}. */
  void vpxord(int d, int a, int b) {
    vector(VectorOp.PXORD, d, a, b);
  }

  /** {@code d = a + b}, integers. */
  void vpaddd(int d, int a, int b) {
    vector(VectorOp.PADDD, d, a, b);
  }

  /** {@code d = a · b}, integers. */
  void vpmulld(int d, int a, int b) {
    vector(VectorOp.PMULLD, d, a, b);
  }

  /** {@code d |= a & b}. */
  void vorand(int d, int a, int b) {
    vector(VectorOp.PTERNLOGD, d, a, b);
    emit(0xF8);
  }

  /** {@code d = the words at m shifted right}. */
  void vpsrlw(int d, Mem m, int bits) {
    vector(VectorOp.SHIFT_WORDS, 2, d, m, false, 64);
    emit(bits);
  }

  /** {@code d = the words at m shifted left}. */
  void vpsllw(int d, Mem m, int bits) {
    vector(VectorOp.SHIFT_WORDS, 6, d, m, false, 64);
    emit(bits);
  }

  /** {@code d = s shifted left}, integers. */
  void vpslld(int d, int s, int bits) {
    vector(VectorOp.SHIFT_INTS, 6, d, s);
    emit(bits);
  }

  /** {@code d = the 16 half-precision floats at m}. */
  void vcvtph2ps(int d, Mem m) {
    vector(VectorOp.CVTPH2PS, d, 0, m, false, 32);
  }

  /** {@code d = s}, integers to floats. */
  void vcvtdq2ps(int d, int s) {
    vector(VectorOp.CVTDQ2PS, d, 0, s);
  }

  /** {@code d = s}, floats to the nearest integers, ties to even. */
  void vcvtps2dq(int d, int s) {
    vector(VectorOp.CVTPS2DQ, d, 0, s);
  }

  /** {@code 16 bytes at m = s}, saturated. */
  void vpmovsdb(Mem m, int s) {
    vector(VectorOp.PMOVSDB, s, 0, m, false, 16);
  }

  /** {@code d = a · b}. */
  void vmulps(int d, int a, int b) {
    vector(VectorOp.MULPS, d, a, b);
  }

  /** {@code d = a + b}. */
  void vaddps(int d, int a, int b) {
    vector(VectorOp.ADDPS, d, a, b);
  }

  /** {@code d = a - b}. */
  void vsubps(int d, int a, int b) {
    vector(VectorOp.SUBPS, d, a, b);
  }

  /** {@code d = min(a, b)}. */
  void vminps(int d, int a, int b) {
    vector(VectorOp.MINPS, d, a, b);
  }

  /** {@code d = a / b}. */
  void vdivps(int d, int a, int b) {
    vector(VectorOp.DIVPS, d, a, b);
  }

  /** {@code d = max(a, b)}. */
  void vmaxps(int d, int a, int b) {
    vector(VectorOp.MAXPS, d, a, b);
  }

  /** {@code d += a · b}, rounded once. */
  void vfmadd231ps(int d, int a, int b) {
    vector(VectorOp.FMADD231PS, d, a, b);
  }

  /** {@code d = d · a + b}, rounded once. */
  void vfmadd213ps(int d, int a, int b) {
    vector(VectorOp.FMADD213PS, d, a, b);
  }

  /** {@code d += a · the float at m}, rounded once. */
  void vfmadd231ps(int d, int a, Mem m) {
    vector(VectorOp.FMADD231PS, d, a, m, BROADCAST, 4);
  }

  /** {@code d = lanes of s in another order within each four}: two bits of the order per lane. */
  void vpshufd(int d, int s, int order) {
    vector(VectorOp.PSHUFD, d, 0, s);
    emit(order);
  }

  /** {@code d = fours of lanes of a (lower half) and b}: two bits of the order per four. */
  void vshufi32x4(int d, int a, int b, int order) {
    vector(VectorOp.SHUFI32X4, d, a, b);
    emit(order);
  }

  /** Leaves the upper halves clean, as code without vectors expects. */
  void vzeroupper() {
    emit(0xC5, 0xF8, 0x77);
  }

  private void vector(VectorOp op, int reg, int source, int rm) {
    prefix(op, reg, source, (rm >> 4 & 1) ^ 1, (rm >> 3 & 1) ^ 1, 0);
    emit(op.opcode(), 0xC0 | (reg & 7) << 3 | (rm & 7));
  }

  private void vector(VectorOp op, int reg, int source, Mem m, boolean broadcast, int unit) {
    int high = high(m) ^ 3;
    prefix(op, reg, source, high >> 1, high & 1, broadcast ? 1 : 0);
    emit(op.opcode());
    operand(reg & 7, m, unit);
  }

  /** EVEX; the register fields are stored inverted. */
  private void prefix(VectorOp op, int reg, int source, int x, int b, int broadcast) {
    int r = (reg >> 3 & 1) ^ 1;
    int rHigh = (reg >> 4 & 1) ^ 1;
    int vHigh = (source >> 4 & 1) ^ 1;
    emit(
        0x62,
        r << 7 | x << 6 | b << 5 | rHigh << 4 | op.map(),
        (~source & 15) << 3 | 4 | op.prefix(),
        2 << 5 | broadcast << 4 | vHigh << 3);
  }

  // ---- scalars

  /** {@code d = 64 bits at m}. */
  void mov(Gpr d, Mem m) {
    rex(d, m);
    emit(0x8B);
    operand(d.low(), m, 1);
  }

  /** {@code d = s}. */
  void mov(Gpr d, Gpr s) {
    rex(s, d);
    emit(0x89, 0xC0 | s.low() << 3 | d.low());
  }

  /** {@code d = value}. */
  void mov(Gpr d, int value) {
    rex(Gpr.RAX, d);
    emit(0xC7, 0xC0 | d.low());
    emit32(value);
  }

  /** {@code d += s}. */
  void add(Gpr d, Gpr s) {
    rex(s, d);
    emit(0x01, 0xC0 | s.low() << 3 | d.low());
  }

  /** {@code d += 64 bits at m}. */
  void add(Gpr d, Mem m) {
    rex(d, m);
    emit(0x03);
    operand(d.low(), m, 1);
  }

  /** {@code d += value}. */
  void add(Gpr d, int value) {
    rex(Gpr.RAX, d);
    emit(0x81, 0xC0 | d.low());
    emit32(value);
  }

  /** {@code d *= value}. */
  void imul(Gpr d, int value) {
    rex(d, d);
    emit(0x69, 0xC0 | d.low() << 3 | d.low());
    emit32(value);
  }

  /** {@code d = 0}. */
  void zero(Gpr d) {
    rex(d, d);
    emit(0x31, 0xC0 | d.low() << 3 | d.low());
  }

  /** {@code d -= 1}, to be followed by {@link #jnz}. */
  void dec(Gpr d) {
    rex(Gpr.RAX, d);
    emit(0xFF, 0xC8 | d.low());
  }

  /** Compares with a value from -128 to 127, to be followed by {@link #jnz}. */
  void cmp(Gpr d, int value) {
    if (value != (byte) value) {
      throw new IllegalArgumentException("compares with one byte, not with " + value);
    }
    rex(Gpr.RAX, d);
    emit(0x83, 0xF8 | d.low(), value);
  }

  /** {@code d += 1}, to be followed by {@link #jnz}. */
  void inc(Gpr d) {
    rex(Gpr.RAX, d);
    emit(0xFF, 0xC0 | d.low());
  }

  /** {@code d = -d}. */
  void neg(Gpr d) {
    rex(Gpr.RAX, d);
    emit(0xF7, 0xD8 | d.low());
  }

  /** Jumps back unless the last result was 0 or the last comparison equal. */
  void jnz(int target) {
    emit(0x0F, 0x85);
    emit32(target - (here() + 4));
  }

  /** Saves a register. */
  void push(Gpr r) {
    emitUnlessPlain(0x40 | r.high());
    emit(0x50 | r.low());
  }

  /** Restores a register. */
  void pop(Gpr r) {
    emitUnlessPlain(0x40 | r.high());
    emit(0x58 | r.low());
  }

  /** Asks for the line at m. */
  void prefetcht0(Mem m) {
    emitUnlessPlain(0x40 | high(m));
    emit(0x0F, 0x18);
    operand(1, m, 1);
  }

  /** {@code eax, ebx, ecx, edx = features of leaf eax, ecx}. */
  void cpuid() {
    emit(0x0F, 0xA2);
  }

  /** {@code edx:eax = extended control register ecx}. */
  void xgetbv() {
    emit(0x0F, 0x01, 0xD0);
  }

  /** {@code 32 bits at m = low half of s}. */
  void mov32(Mem m, Gpr s) {
    emitUnlessPlain(0x40 | s.high() << 2 | high(m));
    emit(0x89);
    operand(s.low(), m, 1);
  }

  /** Marks the place as a target of indirect branches. */
  void endbr64() {
    emit(0xF3, 0x0F, 0x1E, 0xFA);
  }

  /** Returns to the caller. */
  void ret() {
    emit(0xC3);
  }

  private void rex(Gpr reg, Gpr rm) {
    emit(0x48 | reg.high() << 2 | rm.high());
  }

  private void rex(Gpr reg, Mem m) {
    emit(0x48 | reg.high() << 2 | high(m));
  }

  /** A prefix of a narrow instruction, which only registers from r8 on need. */
  private void emitUnlessPlain(int rex) {
    if (rex != 0x40) {
      emit(rex);
    }
  }
}
