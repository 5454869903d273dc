/** Helpers shared by the tests of all modules. */
package dev.nibble.core.testing;
