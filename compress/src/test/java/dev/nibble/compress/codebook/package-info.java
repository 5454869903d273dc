/** Tests of the arithmetic of sums of codewords. */
package dev.nibble.compress.codebook;
