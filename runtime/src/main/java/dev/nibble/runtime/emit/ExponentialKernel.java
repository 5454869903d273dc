package dev.nibble.runtime.emit;

import static dev.nibble.runtime.emit.Gpr.RAX;
import static dev.nibble.runtime.emit.Gpr.RDI;
import static dev.nibble.runtime.emit.Gpr.RDX;
import static dev.nibble.runtime.emit.Gpr.RSI;

/**
 * The two loops around an exponential, with the polynomial and the roundings of {@link
 * dev.nibble.runtime.kernel.VectorMath}, so that both return the same bits. Counts are in vectors
 * of 16 floats.
 */
final class ExponentialKernel {
  /** Constants in the order of their registers, from {@link #CONSTANT} on. */
  private static final float[] CONSTANTS = {
    -87f,
    88f,
    (float) (1 / Math.log(2)),
    12582912f,
    -0x1.62e4p-1f,
    -(float) (Math.log(2) - 0x1.62e4p-1f),
    1f / 720,
    1f / 120,
    1f / 24,
    1f / 6,
    0.5f,
    1f,
    Float.intBitsToFloat(127),
  };

  private static final int CONSTANT = 32 - CONSTANTS.length;
  private static final int LOW = CONSTANT;
  private static final int HIGH = CONSTANT + 1;
  private static final int LOG2E = CONSTANT + 2;
  private static final int ROUND = CONSTANT + 3;
  private static final int LN2_HIGH = CONSTANT + 4;
  private static final int LN2_LOW = CONSTANT + 5;
  private static final int FIRST_TERM = CONSTANT + 6;
  private static final int ONE = CONSTANT + 11;
  private static final int EXPONENT = CONSTANT + 12;

  private ExponentialKernel() {}

  /** Puts the constants where the code expects them. */
  static void constants(Arguments args) {
    for (int i = 0; i < CONSTANTS.length; i++) {
      args.setFloat(Arguments.FUNCTION_CONSTANTS + 4 * i, CONSTANTS[i]);
    }
  }

  /** {@code a = e^(a − parameter)}; the 16 sums over vectors go to the second array. */
  static byte[] shifted() {
    Assembler a = new Assembler();
    start(a);
    a.vpbroadcastd(8, RDI.at(Arguments.PARAMETER));
    a.vpxord(9, 9, 9);
    int loop = a.here();
    a.vmovups(0, RSI.at(0));
    a.vsubps(0, 0, 8);
    exponential(a);
    a.vmovups(RSI.at(0), 1);
    a.vaddps(9, 9, 1);
    a.add(RSI, 64);
    a.dec(RAX);
    a.jnz(loop);
    a.vmovups(RDX.at(0), 9);
    a.vzeroupper();
    a.ret();
    return a.bytes();
  }

  /** {@code a = a / (e^(−a) + 1) · b}. */
  static byte[] swiglu() {
    Assembler a = new Assembler();
    start(a);
    a.add(RDX, RDI.at(Arguments.SECOND));
    a.vpxord(9, 9, 9);
    int loop = a.here();
    a.vmovups(8, RSI.at(0));
    a.vsubps(0, 9, 8);
    exponential(a);
    a.vaddps(1, 1, ONE);
    a.vdivps(1, 8, 1);
    a.vmovups(2, RDX.at(0));
    a.vmulps(1, 1, 2);
    a.vmovups(RSI.at(0), 1);
    a.add(RSI, 64);
    a.add(RDX, 64);
    a.dec(RAX);
    a.jnz(loop);
    a.vzeroupper();
    a.ret();
    return a.bytes();
  }

  private static void start(Assembler a) {
    a.endbr64();
    a.add(RSI, RDI.at(Arguments.FIRST));
    a.mov(RAX, RDI.at(Arguments.VECTORS));
    for (int i = 0; i < CONSTANTS.length; i++) {
      a.vpbroadcastd(CONSTANT + i, RDI.at(Arguments.FUNCTION_CONSTANTS + 4 * i));
    }
  }

  /** {@code zmm1 = e^zmm0}; overwrites zmm0 to zmm3. */
  private static void exponential(Assembler a) {
    a.vmaxps(0, 0, LOW);
    a.vminps(0, 0, HIGH);
    a.vmulps(2, 0, LOG2E);
    a.vaddps(2, 2, ROUND);
    a.vsubps(2, 2, ROUND);
    a.vfmadd231ps(0, 2, LN2_HIGH);
    a.vfmadd231ps(0, 2, LN2_LOW);
    a.vpandd(1, FIRST_TERM, FIRST_TERM);
    for (int term = FIRST_TERM + 1; term <= ONE; term++) {
      a.vfmadd213ps(1, 0, term);
    }
    a.vfmadd213ps(1, 0, ONE);
    a.vcvtps2dq(2, 2);
    a.vpaddd(2, 2, EXPONENT);
    a.vpslld(2, 2, 23);
    a.vmulps(1, 1, 2);
  }
}
