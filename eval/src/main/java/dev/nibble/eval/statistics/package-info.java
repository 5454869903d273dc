/** Means with their errors, percentiles and paired tests: no figure is reported without one. */
package dev.nibble.eval.statistics;
