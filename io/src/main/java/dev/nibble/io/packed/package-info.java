/**
 * How each kind of packed tensor lies in a safetensors file: one codec a kind, which says what its
 * components are called and what its descriptor holds.
 */
package dev.nibble.io.packed;
