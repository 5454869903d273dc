/** Tests of tunes. */
package dev.nibble.compress.tune;
