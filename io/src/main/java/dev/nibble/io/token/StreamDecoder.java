package dev.nibble.io.token;

/**
 * Turns ids that arrive one by one into text, never cutting a character in two. The pieces joined
 * are the text of the whole sequence wherever its bytes are valid UTF-8. Not thread-safe.
 */
public interface StreamDecoder {

  /** Text that the new id completes; empty while a character is still open. */
  String next(int id);

  /** Text still held back, with U+FFFD for an unfinished character; starts afresh afterwards. */
  String finish();
}
