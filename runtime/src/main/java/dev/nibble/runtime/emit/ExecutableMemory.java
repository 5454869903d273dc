package dev.nibble.runtime.emit;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;

/**
 * Pages for machine code: written first, then made executable and read-only. They stay until the
 * process ends.
 */
final class ExecutableMemory {
  private ExecutableMemory() {}

  /**
   * Installs code.
   *
   * @return its address
   * @throws IllegalStateException when the system refuses the memory or making it executable
   */
  static MemorySegment install(byte[] code) {
    MemorySegment pages = Pages.map(Math.max(1, code.length));
    MemorySegment.copy(code, 0, pages, JAVA_BYTE, 0, code.length);
    Pages.makeExecutable(pages);
    return pages;
  }
}
