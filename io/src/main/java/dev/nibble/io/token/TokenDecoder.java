package dev.nibble.io.token;

import java.util.List;

/** One step from stored token texts back to plain text; the results of the last are joined. */
@FunctionalInterface
interface TokenDecoder {

  /** New list of texts; the argument is left as it is. */
  List<String> apply(List<String> tokens);
}
