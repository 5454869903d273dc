/** Steps that choose run-time quantizers of activations. */
package dev.nibble.compress.activation;
