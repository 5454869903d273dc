/**
 * Statistics that solvers gather at sites while calibration text runs through a block, and steps
 * that decide how much each token of that text counts in them.
 */
package dev.nibble.compress.calibrate;
