package dev.nibble.runtime.emit;

import static dev.nibble.runtime.emit.Gpr.R10;
import static dev.nibble.runtime.emit.Gpr.R11;
import static dev.nibble.runtime.emit.Gpr.R8;
import static dev.nibble.runtime.emit.Gpr.R9;
import static dev.nibble.runtime.emit.Gpr.RAX;
import static dev.nibble.runtime.emit.Gpr.RCX;
import static dev.nibble.runtime.emit.Gpr.RDI;
import static dev.nibble.runtime.emit.Gpr.RDX;
import static dev.nibble.runtime.emit.Gpr.RSI;

import dev.nibble.core.tensor.PackedFormat;
import dev.nibble.runtime.packed.InputTile;

/**
 * Product of a weight with 1 to {@value #MOST} inputs, both halves of a row group side by side, so
 * that the weight is read once and in order: memory sets the speed. Lines are asked for some
 * kilobytes ahead, except of 8-bit codes, where that was slower.
 *
 * <p>Registers: zmm0–7 sums, 8–15 integer sums, 16–19 scales and mins, 20–23 words, masks and table
 * from 31 down.
 */
final class FewKernel {
  /** Most inputs. */
  static final int MOST = 4;

  private static final int AHEAD = 9216;
  private static final int INTS = 8;
  private static final int SCALE = 16;
  private static final int MIN = 18;
  private static final int WORD = 20;

  private final Assembler a = new Assembler();
  private final PackedFormat format;
  private final InputTile tile;
  private final Codes codes;

  /** Displacement that brings all of an input block within reach of one byte. */
  private final int bias;

  private FewKernel(PackedFormat format, InputTile tile) {
    this.format = format;
    this.tile = tile;
    this.codes = new Codes(a, format, 31);
    this.bias = tile.blockBytes() / 8 * 4;
  }

  /** Code of the kernel for a layout and a number of inputs. */
  static byte[] emit(PackedFormat format, InputTile tile) {
    if (tile.tokens() > MOST) {
      throw new IllegalArgumentException("at most " + MOST + " inputs, not " + tile.tokens());
    }
    return new FewKernel(format, tile).run();
  }

  private byte[] run() {
    a.endbr64();
    a.mov(R9, RSI);
    a.add(R9, RDI.at(Arguments.OUT));
    a.mov(RDX, RDI.at(Arguments.WEIGHTS));
    a.mov(R10, RDI.at(Arguments.ROW_GROUPS));
    a.mov(R11, RDI.at(Arguments.OUT_STRIDE));
    codes.loadConstants(RDI);
    int rowGroup = a.here();
    a.mov(RSI, RDI.at(Arguments.TILES));
    a.add(RSI, bias);
    a.mov(RAX, RDI.at(Arguments.GROUPS));
    for (int i = 0; i < 2 * tile.tokens(); i++) {
      a.vpxord(i, i, i);
    }
    a.align(32);
    int group = a.here();
    group();
    a.dec(RAX);
    a.jnz(group);
    store();
    a.add(R9, 4 * PackedFormat.ROWS);
    a.dec(R10);
    a.jnz(rowGroup);
    a.vzeroupper();
    a.ret();
    return a.bytes();
  }

  private void group() {
    if (format.blocks() == 1) {
      ahead(format.groupBytes());
      block();
      a.add(RDX, format.groupBytes());
      return;
    }
    scales(0);
    a.mov(RCX, format.blocks());
    int block = a.here();
    ahead(format.blockBytes());
    block();
    a.add(RDX, format.blockBytes());
    a.dec(RCX);
    a.jnz(block);
    a.add(RDX, format.groupBytes() - format.scalesAt(0));
  }

  private void scales(int part) {
    for (int half = 0; half < 2; half++) {
      int place = half * 2 * PackedFormat.LANES;
      a.vcvtph2ps(SCALE + half, RDX.at(format.scalesAt(part) + place));
      if (format.mins()) {
        a.vcvtph2ps(MIN + half, RDX.at(format.minsAt(part) + place));
      }
    }
  }

  private void ahead(int bytes) {
    if (format.bits() < 8) {
      for (int at = 0; at < bytes; at += 64) {
        a.prefetcht0(RDX.at(AHEAD + at));
      }
    }
  }

  private void block() {
    for (int part = 0; part < format.parts(); part++) {
      if (format.blocks() == 1) {
        scales(part);
      }
      integers(part);
      floats(part);
    }
    a.add(RSI, tile.blockBytes());
  }

  private void integers(int part) {
    int tokens = tile.tokens();
    for (int i = 0; i < 2 * tokens; i++) {
      if (format.mins()) {
        a.vpxord(INTS + i, INTS + i, INTS + i);
      } else {
        a.vpbroadcastd(INTS + i, in(tile.correctionAt(i % tokens, part)));
      }
    }
    int first = part * format.wordsPerPart();
    for (int word = first; word < first + format.wordsPerPart(); word++) {
      for (int half = 0; half < 2; half++) {
        int d = WORD + 2 * half;
        codes.load(d, word, RDX.at(half * format.halfBytes()), d + 1);
        for (int t = 0; t < tokens; t++) {
          a.vpdpbusd(INTS + half * tokens + t, d, in(tile.codesAt(t) + 4 * word));
        }
      }
    }
  }

  private void floats(int part) {
    int tokens = tile.tokens();
    for (int half = 0; half < 2; half++) {
      for (int t = 0; t < tokens; t++) {
        int sum = half * tokens + t;
        a.vcvtdq2ps(INTS + sum, INTS + sum);
        a.vmulps(INTS + sum, INTS + sum, SCALE + half);
        a.vfmadd231ps(sum, INTS + sum, in(tile.scaleAt(t)));
        if (format.mins()) {
          a.vfmadd231ps(sum, MIN + half, in(tile.correctionAt(t, part)));
        }
      }
    }
  }

  private Mem in(int offset) {
    return RSI.at(offset - bias);
  }

  private void store() {
    a.mov(R8, R9);
    for (int t = 0; t < tile.tokens(); t++) {
      a.vmovups(R8.at(0), t);
      a.vmovups(R8.at(4 * PackedFormat.LANES), tile.tokens() + t);
      a.add(R8, R11);
    }
  }
}
