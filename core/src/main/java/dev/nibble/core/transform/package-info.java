/**
 * Orthogonal maps with a fast algorithm and one definition for every module: whoever folds a
 * Hadamard matrix into weights and whoever applies it at run time must mean the same matrix.
 */
package dev.nibble.core.transform;
