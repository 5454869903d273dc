/** Tiny models of many shapes and a small driver, for tests of steps. */
package dev.nibble.compress.testing;
