package dev.nibble.core;

import java.nio.file.Path;

/** A model, tokenizer, data or scene file that breaks its own format or lacks what it must have. */
public class ModelFormatException extends NibbleException {
  private static final long serialVersionUID = 1L;
  private static final int MAX_LENGTH = 900;

  /**
   * @param file the file at fault
   * @param element tensor, key or offset inside the file, or "" when the file as a whole is at
   *     fault
   * @param problem what was found and what was expected, and the remedy
   */
  public ModelFormatException(Path file, String element, String problem) {
    this(file, element, problem, null);
  }

  /** As the other constructor, with the underlying failure. */
  public ModelFormatException(Path file, String element, String problem, Throwable cause) {
    super(
        onOneLine(file + (element.isEmpty() ? "" : " [" + element + "]") + ": " + problem),
        BAD_INPUT,
        cause);
  }

  /** Messages quote files, and files may hold anything: terminal escapes, line breaks, novels. */
  private static String onOneLine(String message) {
    String cut =
        message.length() > MAX_LENGTH ? message.substring(0, MAX_LENGTH) + " ..." : message;
    StringBuilder out = new StringBuilder(cut.length());
    for (int i = 0; i < cut.length(); i++) {
      char c = cut.charAt(i);
      out.append(Character.isISOControl(c) ? '?' : c);
    }
    return out.toString();
  }
}
