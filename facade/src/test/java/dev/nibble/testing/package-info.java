/** Tiny models on disk and child processes, for tests of whole runs. */
package dev.nibble.testing;
