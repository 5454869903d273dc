package dev.nibble.io.token;

/** Turns one word into ids. Thread-safe. */
@FunctionalInterface
interface TokenModel {

  /** Appends the ids of a non-empty word. */
  void tokenize(String word, IdBuffer out);
}
