/**
 * Weights in the order in which products of 8-bit inputs read them, whatever made the products: the
 * layout, the conversion from every stored type that fits it, the inputs' own layout, and the
 * scalar reference that says what each kernel must return, bit for bit.
 */
package dev.nibble.runtime.packed;
