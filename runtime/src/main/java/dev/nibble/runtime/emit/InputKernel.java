package dev.nibble.runtime.emit;

import static dev.nibble.runtime.emit.Gpr.R10;
import static dev.nibble.runtime.emit.Gpr.R8;
import static dev.nibble.runtime.emit.Gpr.R9;
import static dev.nibble.runtime.emit.Gpr.RAX;
import static dev.nibble.runtime.emit.Gpr.RCX;
import static dev.nibble.runtime.emit.Gpr.RDI;
import static dev.nibble.runtime.emit.Gpr.RDX;
import static dev.nibble.runtime.emit.Gpr.RSI;

import dev.nibble.core.tensor.PackedFormat;

/**
 * Rounds an input vector to int8, block by block of 32, with scales and corrections. Compiled Java
 * does it as fast, but not from the first call on.
 *
 * <p>Constants, a float or int each: the bits of a magnitude, the smallest magnitude, 127, the
 * scale of a code of the largest magnitude 1, minus the weight's offset.
 */
final class InputKernel {
  private static final int CONSTANTS = 5;
  private static final int MAGNITUDE = 16;
  private static final int FLOOR = 17;
  private static final int LARGEST = 18;
  private static final int UNIT = 19;
  private static final int OFFSET = 20;

  private InputKernel() {}

  /** Code of the kernel; as in {@link PackedFormat}. */
  static byte[] emit(int parts, boolean mins) {
    Assembler a = new Assembler();
    a.endbr64();
    for (int i = 0; i < CONSTANTS; i++) {
      a.vpbroadcastd(MAGNITUDE + i, RDI.at(Arguments.CONSTANTS + 4 * i));
    }
    a.add(RSI, RDI.at(Arguments.IN));
    a.mov(RAX, RDI.at(Arguments.BLOCKS));
    a.mov(RDX, RDI.at(Arguments.CODES));
    a.mov(RCX, RDI.at(Arguments.SCALES));
    a.mov(R8, RDI.at(Arguments.CORRECTIONS));
    a.mov(R9, RDI.at(Arguments.STEP));
    a.mov(R10, RDI.at(Arguments.MORE_CORRECTIONS));
    a.align(32);
    int loop = a.here();
    block(a, parts, mins);
    a.add(RSI, 4 * PackedFormat.BLOCK);
    a.add(RDX, R9);
    a.add(RCX, R9);
    a.add(R8, R9);
    a.add(R10, R9);
    a.dec(RAX);
    a.jnz(loop);
    a.vzeroupper();
    a.ret();
    return a.bytes();
  }

  private static void block(Assembler a, int parts, boolean mins) {
    a.vmovups(0, RSI.at(0));
    a.vmovups(1, RSI.at(64));
    a.vpandd(2, 0, MAGNITUDE);
    a.vpandd(3, 1, MAGNITUDE);
    a.vmaxps(2, 2, 3);
    a.vmaxps(2, 2, FLOOR);
    for (int step = 0; step < 4; step++) {
      exchange(a, 3, 2, step);
      a.vmaxps(2, 2, 3);
    }
    a.vdivps(4, LARGEST, 2);
    a.vmulps(5, 2, UNIT);
    a.vmovss(RCX.at(0), 5);
    a.vmulps(0, 0, 4);
    a.vmulps(1, 1, 4);
    a.vcvtps2dq(0, 0);
    a.vcvtps2dq(1, 1);
    a.vpmovsdb(RDX.at(0), 0);
    a.vpmovsdb(RDX.at(16), 1);
    if (parts == 1) {
      a.vpaddd(0, 0, 1);
      correction(a, 0, mins, R8.at(0));
    } else {
      correction(a, 0, mins, R8.at(0));
      correction(a, 1, mins, R10.at(0));
    }
  }

  /** Stores what the sum of the codes in a register's lanes makes; zmm5 has the scale. */
  private static void correction(Assembler a, int codes, boolean mins, Mem to) {
    for (int step = 0; step < 4; step++) {
      exchange(a, 3, codes, step);
      a.vpaddd(codes, codes, 3);
    }
    if (mins) {
      a.vcvtdq2ps(codes, codes);
      a.vmulps(codes, codes, 5);
    } else {
      a.vpmulld(codes, codes, OFFSET);
    }
    a.vmovss(to, codes);
  }

  /** Lanes at a distance of 8, 4, 2 or 1. */
  private static void exchange(Assembler a, int d, int s, int step) {
    switch (step) {
      case 0 -> a.vshufi32x4(d, s, s, 0x4E);
      case 1 -> a.vshufi32x4(d, s, s, 0xB1);
      case 2 -> a.vpshufd(d, s, 0x4E);
      default -> a.vpshufd(d, s, 0xB1);
    }
  }
}
