/** The examples of the README, compiled and run. */
package dev.nibble.examples;
