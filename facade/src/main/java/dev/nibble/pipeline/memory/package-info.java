/** Amounts of memory: how users write them, and what a process has resident. */
package dev.nibble.pipeline.memory;
