/**
 * What runs at a site of a network besides the stored weight: online transforms and activation
 * quantizers, with their scalar reference arithmetic.
 */
package dev.nibble.core.op;
