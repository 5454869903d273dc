package dev.nibble.runtime.emit;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * Pages for machine code: written first, then made executable and read-only. They stay until the
 * process ends.
 */
@SuppressWarnings("restricted") // asking the system for executable pages is what this class is for
final class ExecutableMemory {
  private static final int PAGE = 4096;
  private static final int READ = 1;
  private static final int WRITE = 2;
  private static final int EXECUTE = 4;
  private static final int PRIVATE = 2;

  /** MAP_ANONYMOUS of Linux. */
  private static final int ANONYMOUS = 0x20;

  private ExecutableMemory() {}

  /**
   * Installs code.
   *
   * @return its address
   * @throws IllegalStateException when the system refuses the memory or making it executable
   */
  static MemorySegment install(byte[] code) {
    long size = Math.ceilDiv(Math.max(1, code.length), PAGE) * (long) PAGE;
    try {
      MemorySegment pages =
          (MemorySegment)
              Calls.MMAP.invokeExact(
                  MemorySegment.NULL, size, READ | WRITE, PRIVATE | ANONYMOUS, -1, 0L);
      if (pages.address() == -1) {
        throw new IllegalStateException("the system gives no memory for machine code");
      }
      MemorySegment target = pages.reinterpret(size);
      MemorySegment.copy(code, 0, target, JAVA_BYTE, 0, code.length);
      if ((int) Calls.MPROTECT.invokeExact(pages, size, READ | EXECUTE) != 0) {
        throw new IllegalStateException("the system lets no memory become executable");
      }
      return pages;
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException("machine code cannot be installed", e);
    }
  }

  /** Loaded when first needed. */
  private static final class Calls {
    private static final Linker LINKER = Linker.nativeLinker();
    static final MethodHandle MMAP =
        function(
            "mmap",
            FunctionDescriptor.of(
                ADDRESS, ADDRESS, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG));
    static final MethodHandle MPROTECT =
        function("mprotect", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT));

    private static MethodHandle function(String name, FunctionDescriptor signature) {
      return LINKER.downcallHandle(LINKER.defaultLookup().findOrThrow(name), signature);
    }
  }
}
