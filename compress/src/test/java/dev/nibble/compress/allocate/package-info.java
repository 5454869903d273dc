/** Tests of who gets how many bits. */
package dev.nibble.compress.allocate;
