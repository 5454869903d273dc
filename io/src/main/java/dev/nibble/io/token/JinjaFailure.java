package dev.nibble.io.token;

/** A template that cannot be rendered; the message says why. */
final class JinjaFailure extends RuntimeException {
  private static final long serialVersionUID = 1L;

  JinjaFailure(String message) {
    super(message);
  }
}
