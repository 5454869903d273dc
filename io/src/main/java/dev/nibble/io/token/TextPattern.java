package dev.nibble.io.token;

import dev.nibble.core.NibbleException;
import dev.nibble.io.regex.MeteredText;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * What a split or replacement looks for: a literal text or a regular expression. Expressions are
 * written for Oniguruma; {@link RegexDialect} translates them. Work on one text is bounded, so that
 * an expression that backtracks without end is an error and not a hang.
 */
final class TextPattern {
  private static final long STEPS_PER_CHARACTER = 2_000;
  private static final long FREE_STEPS = 1_000_000;
  private static final int MAX_LENGTH = 20_000;

  private final Pattern compiled;
  private final String replacement;

  private TextPattern(Pattern compiled, String replacement) {
    this.compiled = compiled;
    this.replacement = replacement;
  }

  /** Receiver of stretches of a text. */
  @FunctionalInterface
  interface Stretches {
    void accept(int start, int end, boolean matched);
  }

  /** The fields {@code pattern} (a text, {@code {"String": …}} or {@code {"Regex": …}}). */
  static TextPattern read(Part part) {
    Part pattern = part.child("pattern");
    String replacement = Matcher.quoteReplacement(part.text("content", ""));
    if (pattern.node().isTextual()) {
      return literal(pattern.node().textValue(), replacement);
    }
    if (!pattern.lacks("String")) {
      return literal(pattern.text("String"), replacement);
    }
    String expression = pattern.text("Regex");
    if (expression.length() > MAX_LENGTH) {
      throw pattern.fault("has more than " + MAX_LENGTH + " characters");
    }
    try {
      return new TextPattern(RegexDialect.compile(expression), replacement);
    } catch (PatternSyntaxException e) {
      throw pattern.fault(
          "is a regular expression that Nibble cannot follow: " + e.getDescription());
    } catch (StackOverflowError e) {
      throw pattern.fault("is a regular expression nested too deeply");
    }
  }

  /** A known expression in Oniguruma's dialect. */
  static TextPattern of(String expression) {
    return new TextPattern(RegexDialect.compile(expression), "");
  }

  private static TextPattern literal(String text, String replacement) {
    return new TextPattern(Pattern.compile(Pattern.quote(text)), replacement);
  }

  /**
   * Reports matches and what lies between them, in order. Empty stretches are left out; an empty
   * match still ends the stretch before it.
   */
  void stretches(String text, Stretches out) {
    Matcher matcher = compiled.matcher(metered(text));
    int end = 0;
    try {
      while (matcher.find()) {
        if (matcher.start() > end) {
          out.accept(end, matcher.start(), false);
        }
        if (matcher.end() > matcher.start()) {
          out.accept(matcher.start(), matcher.end(), true);
        }
        end = matcher.end();
      }
    } catch (StackOverflowError e) {
      throw tooHard(e);
    }
    if (end < text.length()) {
      out.accept(end, text.length(), false);
    }
  }

  /** The text with every match replaced by the component's {@code content}. */
  String replaceAll(String text) {
    try {
      return compiled.matcher(metered(text)).replaceAll(replacement);
    } catch (StackOverflowError e) {
      throw tooHard(e);
    }
  }

  private NibbleException tooHard(Throwable cause) {
    return new NibbleException(
        "the tokenizer's regular expression '"
            + compiled
            + "' takes too long on this text; use shorter texts or another tokenizer",
        NibbleException.BAD_INPUT,
        cause);
  }

  private MeteredText metered(String text) {
    return new MeteredText(
        text, FREE_STEPS + STEPS_PER_CHARACTER * text.length(), () -> tooHard(null));
  }
}
