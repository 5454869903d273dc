/** Statistics that solvers gather at sites while calibration text runs through a block. */
package dev.nibble.compress.calibrate;
