package dev.nibble.compress.train;

import java.util.regex.Pattern;

/**
 * One form of text for training and evaluation: plain quotes and dashes, single spaces, at most one
 * empty line, no control characters.
 */
final class TextCleaner {
  private static final Pattern CONTROL = Pattern.compile("[\\p{Cntrl}\\p{Cf}\uFFFD&&[^\\n]]");
  private static final Pattern SPACES = Pattern.compile("[ \\t\\u00a0]+");
  private static final Pattern AROUND_LINE_END = Pattern.compile(" *\\n *");
  private static final Pattern EMPTY_LINES = Pattern.compile("\\n{3,}");
  private static final double FOREIGN_SHARE = 0.02;

  private TextCleaner() {}

  static String clean(String text) {
    String plain =
        text.replace("\r\n", "\n")
            .replace('\r', '\n')
            .replace('\u2018', '\'')
            .replace('\u2019', '\'')
            .replace('\u201c', '"')
            .replace('\u201d', '"')
            .replace('\u2013', '-')
            .replace("\u2014", " - ")
            .replace("\u2026", "...")
            .replace('\t', ' ');
    String visible = CONTROL.matcher(plain).replaceAll("");
    String spaced = SPACES.matcher(visible).replaceAll(" ");
    String lines = AROUND_LINE_END.matcher(spaced).replaceAll("\n");
    return EMPTY_LINES.matcher(lines).replaceAll("\n\n").strip();
  }

  /** False for text with more than a few characters outside Latin letters, signs and digits. */
  static boolean isMostlyLatin(String text) {
    long foreign = text.chars().filter(c -> c > 0x24f && c != '\u20ac').count();
    return foreign <= FOREIGN_SHARE * text.length();
  }
}
