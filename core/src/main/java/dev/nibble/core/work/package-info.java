/** Deterministic parallelism: independent tasks with a slot each. */
package dev.nibble.core.work;
