/** Tests of activation steps. */
package dev.nibble.compress.activation;
