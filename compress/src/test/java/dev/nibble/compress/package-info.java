/** Contract suites that every step's test inherits, and a small model to run steps on. */
package dev.nibble.compress;
