package dev.nibble.runtime.emit;

import static dev.nibble.runtime.emit.Gpr.RAX;
import static dev.nibble.runtime.emit.Gpr.RBX;
import static dev.nibble.runtime.emit.Gpr.RCX;
import static dev.nibble.runtime.emit.Gpr.RDI;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Locale;

/**
 * What this machine lets emitted code do.
 *
 * @param avx512Vnni 512-bit vectors with integer dot products, both in the processor and in what
 *     the operating system saves
 * @param why what is missing; empty when nothing is
 */
public record Processor(boolean avx512Vnni, String why) {
  private static final int OSXSAVE = 1 << 27;
  private static final int AVX512F = 1 << 16;
  private static final int AVX512BW = 1 << 30;
  private static final int AVX512VL = 1 << 31;
  private static final int AVX512VNNI = 1 << 11;

  /** SSE, AVX, opmask and both parts of zmm state. */
  private static final int STATE = 0xE6;

  /** This machine, asked once. */
  public static Processor current() {
    return Holder.CURRENT;
  }

  /** Lazily, as asking means running code. */
  private static final class Holder {
    static final Processor CURRENT =
        detect(
            System.getProperty("nibble.emit", "on"),
            System.getProperty("os.name"),
            System.getProperty("os.arch"));
  }

  /** Runs code only where it is wanted and the system and the processor are known. */
  static Processor detect(String emit, String os, String arch) {
    if (emit.equals("off")) {
      return new Processor(false, "-Dnibble.emit=off");
    }
    if (!os.toLowerCase(Locale.ROOT).startsWith("linux")
        || !(arch.equals("amd64") || arch.equals("x86_64"))) {
      return new Processor(false, "machine code is emitted on Linux x86-64 only");
    }
    try {
      return ask();
    } catch (IllegalStateException e) {
      return new Processor(false, e.getMessage());
    }
  }

  private static Processor ask() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment to = arena.allocate(32, 8);
      NativeCode.install(features()).call(to.address(), MemorySegment.NULL);
      int one = to.get(JAVA_INT, 0);
      int sevenB = to.get(JAVA_INT, 4);
      int sevenC = to.get(JAVA_INT, 8);
      int state = 0;
      if ((one & OSXSAVE) != 0) {
        NativeCode.install(savedState()).call(to.address(), MemorySegment.NULL);
        state = to.get(JAVA_INT, 0);
      }
      boolean saved = (state & STATE) == STATE;
      int wanted = AVX512F | AVX512BW | AVX512VL;
      boolean has = (sevenB & wanted) == wanted && (sevenC & AVX512VNNI) != 0;
      if (!has || !saved) {
        return new Processor(false, "the processor or the system lacks AVX-512 VNNI");
      }
      return new Processor(true, "");
    }
  }

  /** Writes ecx of leaf 1, ebx and ecx of leaf 7. */
  private static byte[] features() {
    Assembler a = new Assembler();
    a.endbr64();
    a.push(RBX);
    a.mov(RAX, 1);
    a.zero(RCX);
    a.cpuid();
    a.mov32(RDI.at(0), RCX);
    a.mov(RAX, 7);
    a.zero(RCX);
    a.cpuid();
    a.mov32(RDI.at(4), RBX);
    a.mov32(RDI.at(8), RCX);
    a.pop(RBX);
    a.ret();
    return a.bytes();
  }

  /** Writes which registers the system saves. */
  private static byte[] savedState() {
    Assembler a = new Assembler();
    a.endbr64();
    a.zero(RCX);
    a.xgetbv();
    a.mov32(RDI.at(0), RAX);
    a.ret();
    return a.bytes();
  }
}
