/**
 * Steps that rewrite weights along couplings without changing the function: rotation, AWQ scaling
 * and SmoothQuant. Each checks itself: outputs before and after must agree in fp32, else the
 * rewrite is taken back and an event says why.
 */
package dev.nibble.compress.transform;
