/** Solvers: the contract that each keeps, and their arithmetic against independent ones. */
package dev.nibble.compress.solve;
