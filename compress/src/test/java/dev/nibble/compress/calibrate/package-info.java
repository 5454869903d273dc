/** Statistics against direct computation. */
package dev.nibble.compress.calibrate;
