package dev.nibble.runtime.emit;

import static dev.nibble.runtime.emit.Gpr.R10;
import static dev.nibble.runtime.emit.Gpr.R11;
import static dev.nibble.runtime.emit.Gpr.R12;
import static dev.nibble.runtime.emit.Gpr.R13;
import static dev.nibble.runtime.emit.Gpr.R14;
import static dev.nibble.runtime.emit.Gpr.R15;
import static dev.nibble.runtime.emit.Gpr.R8;
import static dev.nibble.runtime.emit.Gpr.R9;
import static dev.nibble.runtime.emit.Gpr.RBP;
import static dev.nibble.runtime.emit.Gpr.RBX;
import static dev.nibble.runtime.emit.Gpr.RCX;
import static dev.nibble.runtime.emit.Gpr.RDI;
import static dev.nibble.runtime.emit.Gpr.RDX;
import static dev.nibble.runtime.emit.Gpr.RSI;

import dev.nibble.core.tensor.PackedFormat;
import dev.nibble.runtime.packed.InputTile;
import java.util.List;

/**
 * Product of a weight with tiles of 5 to 16 inputs. A half's block is unpacked once for a tile; its
 * codes of a row stay in the first-level cache over all tiles. Loops: row group, half, tile, column
 * group, block.
 *
 * <p>Registers: zmm0–15 a sum of 16 rows for each input, 16–23 words, from 24 the scales of each
 * part, then mins, then chains of integer sums; masks and table from 31 down.
 */
final class ManyKernel {
  private static final List<Gpr> SAVED = List.of(RBX, RBP, R12, R13, R14, R15);
  private static final int WORD = 16;
  private static final int SCALE = 24;

  /** Inputs whose integer sums grow side by side: more hide the latency of the dot product. */
  private static final int CHAINS = 4;

  private final Assembler a = new Assembler();
  private final PackedFormat format;
  private final InputTile tile;
  private final Codes codes;
  private final int firstMin;
  private final int firstChain;
  private final int chains;
  private final int bias;

  private ManyKernel(PackedFormat format, InputTile tile) {
    this.format = format;
    this.tile = tile;
    this.codes = new Codes(a, format, 31);
    this.firstMin = SCALE + format.parts();
    this.firstChain = format.mins() ? firstMin + format.parts() : firstMin;
    this.chains = Math.min(CHAINS, 32 - codes.registers() - firstChain);
    this.bias = tile.blockBytes() / 8 * 4;
  }

  /** Code of the kernel for a layout and a number of inputs in a tile. */
  static byte[] emit(PackedFormat format, InputTile tile) {
    return new ManyKernel(format, tile).run();
  }

  private byte[] run() {
    a.endbr64();
    for (Gpr r : SAVED) {
      a.push(r);
    }
    a.mov(R9, RSI);
    a.add(R9, RDI.at(Arguments.OUT));
    a.mov(R8, RDI.at(Arguments.WEIGHTS));
    a.mov(R10, RDI.at(Arguments.ROW_GROUPS));
    a.mov(R11, RDI.at(Arguments.OUT_STRIDE));
    a.mov(R15, RDI.at(Arguments.GROUPS));
    a.imul(R15, format.groupBytes());
    codes.loadConstants(RDI);
    int rowGroup = a.here();
    half(0);
    half(1);
    a.add(R8, R15);
    a.add(R9, 4 * PackedFormat.ROWS);
    a.dec(R10);
    a.jnz(rowGroup);
    for (int i = SAVED.size() - 1; i >= 0; i--) {
      a.pop(SAVED.get(i));
    }
    a.vzeroupper();
    a.ret();
    return a.bytes();
  }

  private void half(int half) {
    a.mov(RSI, RDI.at(Arguments.TILES));
    a.add(RSI, bias);
    a.mov(R13, R9);
    a.add(R13, half * 4 * PackedFormat.LANES);
    a.mov(R14, RDI.at(Arguments.TILE_COUNT));
    int tileStart = a.here();
    a.mov(RDX, R8);
    a.add(RDX, half * format.halfBytes());
    a.mov(RCX, R8);
    a.add(RCX, format.scalesAt(0) + half * 2 * PackedFormat.LANES);
    a.mov(RBP, RDI.at(Arguments.GROUPS));
    for (int t = 0; t < tile.tokens(); t++) {
      a.vpxord(t, t, t);
    }
    a.align(32);
    int group = a.here();
    group();
    a.add(RCX, format.groupBytes());
    a.dec(RBP);
    a.jnz(group);
    for (int t = 0; t < tile.tokens(); t++) {
      a.vmovups(R13.at(0), t);
      a.add(R13, R11);
    }
    a.dec(R14);
    a.jnz(tileStart);
  }

  private void group() {
    for (int part = 0; part < format.parts(); part++) {
      a.vcvtph2ps(SCALE + part, RCX.at(format.scalesAt(part) - format.scalesAt(0)));
      if (format.mins()) {
        a.vcvtph2ps(firstMin + part, RCX.at(format.minsAt(part) - format.scalesAt(0)));
      }
    }
    if (format.blocks() == 1) {
      block();
      a.add(RDX, format.groupBytes());
      return;
    }
    a.mov(RBX, format.blocks());
    int block = a.here();
    block();
    a.add(RDX, format.blockBytes());
    a.dec(RBX);
    a.jnz(block);
    a.add(RDX, format.groupBytes() - format.scalesAt(0));
  }

  private void block() {
    for (int word = 0; word < PackedFormat.WORDS; word++) {
      codes.load(WORD + word, word, RDX.at(0), firstChain + word % chains);
    }
    for (int first = 0; first < tile.tokens(); first += chains) {
      for (int part = 0; part < format.parts(); part++) {
        tokens(first, Math.min(chains, tile.tokens() - first), part);
      }
    }
    a.add(RSI, tile.blockBytes());
  }

  private void tokens(int first, int count, int part) {
    for (int i = 0; i < count; i++) {
      int sum = firstChain + i;
      if (format.mins()) {
        a.vpxord(sum, sum, sum);
      } else {
        a.vpbroadcastd(sum, in(tile.correctionAt(first + i, part)));
      }
    }
    int firstWord = part * format.wordsPerPart();
    for (int word = firstWord; word < firstWord + format.wordsPerPart(); word++) {
      for (int i = 0; i < count; i++) {
        a.vpdpbusd(firstChain + i, WORD + word, in(tile.codesAt(first + i) + 4 * word));
      }
    }
    for (int i = 0; i < count; i++) {
      a.vcvtdq2ps(firstChain + i, firstChain + i);
    }
    for (int i = 0; i < count; i++) {
      a.vmulps(firstChain + i, firstChain + i, SCALE + part);
    }
    for (int i = 0; i < count; i++) {
      a.vfmadd231ps(first + i, firstChain + i, in(tile.scaleAt(first + i)));
      if (format.mins()) {
        a.vfmadd231ps(first + i, firstMin + part, in(tile.correctionAt(first + i, part)));
      }
    }
  }

  private Mem in(int offset) {
    return RSI.at(offset - bias);
  }
}
