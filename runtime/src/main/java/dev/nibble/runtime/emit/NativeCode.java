package dev.nibble.runtime.emit;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * Installed code that takes the address of an argument block and the starts of up to three arrays.
 *
 * <p>The call is a critical one, so that arrays may be on the heap: the collector waits for its
 * end. Callers keep calls short, at most a few milliseconds.
 */
@SuppressWarnings("restricted") // calling emitted code is what this class is for
final class NativeCode {
  private static final MethodHandle CALL =
      Linker.nativeLinker()
          .downcallHandle(
              FunctionDescriptor.ofVoid(
                  ValueLayout.JAVA_LONG,
                  ValueLayout.ADDRESS,
                  ValueLayout.ADDRESS,
                  ValueLayout.ADDRESS),
              Linker.Option.critical(true));

  private final MemorySegment entry;

  private NativeCode(MemorySegment entry) {
    this.entry = entry;
  }

  /**
   * Installs code.
   *
   * @throws IllegalStateException when the system refuses it
   */
  static NativeCode install(byte[] code) {
    return new NativeCode(ExecutableMemory.install(code));
  }

  /**
   * Runs it with one array.
   *
   * @param arguments goes to rdi
   * @param array goes to rsi: a segment over a whole array, off-heap memory or NULL
   */
  void call(long arguments, MemorySegment array) {
    call(arguments, array, MemorySegment.NULL, MemorySegment.NULL);
  }

  /**
   * Runs it.
   *
   * @param arguments goes to rdi
   * @param a goes to rsi: a segment over a whole array, off-heap memory or NULL
   * @param b goes to rdx
   * @param c goes to rcx
   */
  void call(long arguments, MemorySegment a, MemorySegment b, MemorySegment c) {
    try {
      CALL.invokeExact(entry, arguments, a, b, c);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException("emitted code cannot be called", e);
    }
  }
}
