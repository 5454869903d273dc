/**
 * Runs decoder language models in pure Java: load a model, open a session, feed tokens, sample.
 * Needs the JDK's Vector API and no native library.
 */
package dev.nibble.runtime;
