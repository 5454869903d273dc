package dev.nibble.io.interop;

import dev.nibble.core.NibbleException;
import dev.nibble.io.json.JsonFields;
import dev.nibble.io.regex.MeteredText;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * A regular expression that must match a module's name from its start (Python's {@code re.match}).
 * Work is bounded, so that an expression from a file cannot hang the reader.
 */
final class ModulePattern {
  private static final int MAX_LENGTH = 2_000;
  private static final int MAX_STEPS = 1_000_000;

  private final Pattern pattern;
  private final JsonFields owner;
  private final String key;

  private ModulePattern(Pattern pattern, JsonFields owner, String key) {
    this.pattern = pattern;
    this.owner = owner;
    this.key = key;
  }

  /**
   * @param owner object whose field {@code key} holds the expression, for messages
   */
  static ModulePattern compile(String expression, JsonFields owner, String key) {
    if (expression.length() > MAX_LENGTH) {
      throw owner.problem(key, "an expression of more than " + MAX_LENGTH + " characters");
    }
    try {
      return new ModulePattern(Pattern.compile(expression), owner, key);
    } catch (PatternSyntaxException | StackOverflowError e) {
      throw owner.problem(
          key,
          "'" + JsonFields.shown(expression) + "' is not a regular expression Nibble can read");
    }
  }

  boolean matches(String module) {
    try {
      return pattern.matcher(new MeteredText(module, MAX_STEPS, this::tooHard)).lookingAt();
    } catch (StackOverflowError e) {
      throw tooHard();
    }
  }

  private NibbleException tooHard() {
    return owner.problem(
        key, "'" + JsonFields.shown(pattern.pattern()) + "' takes too long to match module names");
  }
}
