package dev.nibble.core;

/**
 * Root of every error that is the user's to act on. The message is one sentence that names the
 * file, field or option, what was found, what was expected and what to do; the command line prints
 * it without a stack trace and exits with {@link #exitCode()}.
 */
public class NibbleException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** Bad command line, recipe or configuration. */
  public static final int USAGE = 2;

  /** A file that is missing, unreadable, damaged or of an unsupported kind. */
  public static final int BAD_INPUT = 3;

  /** The machine cannot do it: memory, disk, permissions. */
  public static final int RESOURCES = 4;

  private final int exitCode;

  /** An error with exit code {@link #USAGE}. */
  public NibbleException(String message) {
    this(message, USAGE, null);
  }

  /** An error with the given exit code and (possibly null) cause. */
  public NibbleException(String message, int exitCode, Throwable cause) {
    super(message, cause);
    this.exitCode = exitCode;
  }

  /** Process exit code for this error, never 0. */
  public int exitCode() {
    return exitCode;
  }
}
