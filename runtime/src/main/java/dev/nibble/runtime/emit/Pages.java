package dev.nibble.runtime.emit;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * Whole pages from the system, which are empty until they are written: no thread fills them with
 * zeros first, as an arena does. Linux only.
 */
@SuppressWarnings("restricted") // asking the system for pages is what this class is for
final class Pages {
  private static final int READ = 1;
  private static final int WRITE = 2;
  private static final int EXECUTE = 4;
  private static final int PRIVATE = 2;

  /** MAP_ANONYMOUS of Linux. */
  private static final int ANONYMOUS = 0x20;

  private Pages() {}

  /**
   * Pages that stay until the process ends.
   *
   * @throws IllegalStateException when the system refuses
   */
  static MemorySegment map(long bytes) {
    try {
      MemorySegment pages =
          (MemorySegment)
              Calls.MMAP.invokeExact(
                  MemorySegment.NULL, bytes, READ | WRITE, PRIVATE | ANONYMOUS, -1, 0L);
      if (pages.address() == -1) {
        throw new IllegalStateException("the system gives no memory of " + bytes + " bytes");
      }
      return pages.reinterpret(bytes);
    } catch (Throwable e) {
      throw failed(e);
    }
  }

  /**
   * Pages that go back to the system when nothing refers to them any more.
   *
   * @throws IllegalStateException when the system refuses
   */
  static MemorySegment mapUntilUnreachable(long bytes) {
    return map(bytes).reinterpret(Arena.ofAuto(), Pages::unmap);
  }

  private static void unmap(MemorySegment pages) {
    try {
      int unused = (int) Calls.MUNMAP.invokeExact(pages, pages.byteSize());
    } catch (Throwable e) {
      throw failed(e);
    }
  }

  /**
   * Makes pages executable and read-only.
   *
   * @throws IllegalStateException when the system refuses
   */
  static void makeExecutable(MemorySegment pages) {
    try {
      if ((int) Calls.MPROTECT.invokeExact(pages, pages.byteSize(), READ | EXECUTE) != 0) {
        throw new IllegalStateException("the system lets no memory become executable");
      }
    } catch (Throwable e) {
      throw failed(e);
    }
  }

  private static IllegalStateException failed(Throwable e) {
    if (e instanceof Error error) {
      throw error;
    }
    return e instanceof IllegalStateException state
        ? state
        : new IllegalStateException("the system's memory cannot be asked for", e);
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
    static final MethodHandle MUNMAP =
        function("munmap", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG));

    private static MethodHandle function(String name, FunctionDescriptor signature) {
      return LINKER.downcallHandle(LINKER.defaultLookup().findOrThrow(name), signature);
    }
  }
}
