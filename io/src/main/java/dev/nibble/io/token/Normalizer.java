package dev.nibble.io.token;

/** Rewrites text before it is split; applied to each stretch between added tokens. */
@FunctionalInterface
interface Normalizer {
  Normalizer NONE = text -> text;

  String apply(String text);
}
