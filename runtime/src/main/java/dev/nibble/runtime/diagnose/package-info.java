/**
 * What {@code nibble doctor} reports of the runtime: which kernel runs each stored type here,
 * whether it agrees with the scalar reference, how fast it reads, and how fast the memory itself
 * is.
 */
package dev.nibble.runtime.diagnose;
