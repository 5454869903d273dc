/**
 * Machine code written by Java: a small x86-64 assembler, the kernels it is used for, and what
 * makes running them safe: processor features read from the processor, memory that is never
 * writable and executable at once, bounds checked before every call, results compared with the
 * scalar reference before first use. {@code -Dnibble.emit=off} turns all of it off.
 */
package dev.nibble.runtime.emit;
