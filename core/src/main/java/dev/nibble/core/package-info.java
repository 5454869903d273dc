/**
 * What all of Nibble shares and that needs the JDK alone: the user-facing error types, and below
 * this package the numbers, stored tensors, operators and model descriptions.
 */
package dev.nibble.core;
