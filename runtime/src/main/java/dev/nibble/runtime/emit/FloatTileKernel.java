package dev.nibble.runtime.emit;

import static dev.nibble.runtime.emit.Gpr.R10;
import static dev.nibble.runtime.emit.Gpr.R11;
import static dev.nibble.runtime.emit.Gpr.R12;
import static dev.nibble.runtime.emit.Gpr.R13;
import static dev.nibble.runtime.emit.Gpr.R8;
import static dev.nibble.runtime.emit.Gpr.R9;
import static dev.nibble.runtime.emit.Gpr.RAX;
import static dev.nibble.runtime.emit.Gpr.RBX;
import static dev.nibble.runtime.emit.Gpr.RCX;
import static dev.nibble.runtime.emit.Gpr.RDI;
import static dev.nibble.runtime.emit.Gpr.RDX;
import static dev.nibble.runtime.emit.Gpr.RSI;

import java.util.List;

/**
 * {@code y[t] (+)= Σ_k x[t][k] · panel[k]} for 1 to {@value #MOST} vectors and panels of 32 floats.
 * Arrays: panel, x, y. The sum runs over k in order with one rounding a step.
 */
final class FloatTileKernel {
  /** Most vectors. */
  static final int MOST = 6;

  /** Floats of a row of the panel. */
  static final int WIDTH = 32;

  private static final List<Gpr> INPUTS = List.of(R8, R9, R10, R11, R12, R13);
  private static final int PANEL = 30;

  private FloatTileKernel() {}

  /** Code for a number of vectors. */
  static byte[] emit(int tokens, boolean add) {
    Assembler a = new Assembler();
    a.endbr64();
    a.push(RBX);
    a.push(R12);
    a.push(R13);
    a.add(RSI, RDI.at(Arguments.PANEL));
    a.mov(RAX, RDI.at(Arguments.LENGTH));
    // inputs are addressed from their ends by a count that rises to 0
    for (int t = 0; t < tokens; t++) {
      a.mov(INPUTS.get(t), RDX);
      a.add(INPUTS.get(t), RDI.at(Arguments.TILE_IN + 8 * t));
    }
    for (int t = 0; t < tokens; t++) {
      if (add) {
        a.mov(RBX, RCX);
        a.add(RBX, RDI.at(Arguments.TILE_OUT + 8 * t));
        a.vmovups(2 * t, RBX.at(0));
        a.vmovups(2 * t + 1, RBX.at(64));
      } else {
        a.vpxord(2 * t, 2 * t, 2 * t);
        a.vpxord(2 * t + 1, 2 * t + 1, 2 * t + 1);
      }
    }
    a.neg(RAX);
    a.align(32);
    int loop = a.here();
    a.vmovups(PANEL, RSI.at(0));
    a.vmovups(PANEL + 1, RSI.at(64));
    for (int t = 0; t < tokens; t++) {
      Mem x = INPUTS.get(t).at(0).plusFloats(RAX);
      a.vfmadd231ps(2 * t, PANEL, x);
      a.vfmadd231ps(2 * t + 1, PANEL + 1, x);
    }
    a.add(RSI, 4 * WIDTH);
    a.inc(RAX);
    a.jnz(loop);
    for (int t = 0; t < tokens; t++) {
      a.mov(RBX, RCX);
      a.add(RBX, RDI.at(Arguments.TILE_OUT + 8 * t));
      a.vmovups(RBX.at(0), 2 * t);
      a.vmovups(RBX.at(64), 2 * t + 1);
    }
    a.pop(R13);
    a.pop(R12);
    a.pop(RBX);
    a.vzeroupper();
    a.ret();
    return a.bytes();
  }
}
