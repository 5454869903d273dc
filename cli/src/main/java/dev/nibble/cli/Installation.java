package dev.nibble.cli;

import java.nio.file.Path;

/** Where this Nibble is installed. */
final class Installation {
  private Installation() {}

  /** The folder with {@code bin}, {@code lib} and {@code models}, as the launcher says. */
  static Path home() {
    return Path.of(System.getProperty("nibble.home", "."));
  }
}
