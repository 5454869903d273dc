package dev.nibble.io.token;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * Translates regular expressions written for Oniguruma (Ruby syntax, Unicode), as {@code
 * tokenizer.json} has them, to Java's dialect. The two agree on nearly everything once Java's
 * Unicode classes are on; here are the rest: {@code ^} and {@code $} at every line, {@code \n} the
 * only line end, {@code \h} hexadecimal digits, {@code (?m)} for dot-matches-all, POSIX brackets,
 * property names, and {@code X{n,m}+}, which repeats instead of being possessive.
 */
final class RegexDialect {
  private static final int FLAGS =
      Pattern.UNICODE_CHARACTER_CLASS | Pattern.UNIX_LINES | Pattern.MULTILINE;

  private static final Map<String, String> CLASSES =
      Map.ofEntries(
          Map.entry("alnum", "\\p{IsAlphabetic}\\p{Nd}"),
          Map.entry("alpha", "\\p{IsAlphabetic}"),
          Map.entry("ascii", "\\x00-\\x7F"),
          Map.entry("blank", "\\p{Zs}\\t"),
          Map.entry("cntrl", "\\p{Cc}"),
          Map.entry("digit", "\\p{Nd}"),
          Map.entry("graph", "[^\\s\\p{Cc}\\p{Cn}\\p{Cs}]"),
          Map.entry("lower", "\\p{IsLowercase}"),
          Map.entry("print", "[\\p{Zs}[^\\s\\p{Cc}\\p{Cn}\\p{Cs}]]"),
          Map.entry("punct", "\\p{P}$+<=>^`|~"),
          Map.entry("space", "\\s"),
          Map.entry("upper", "\\p{IsUppercase}"),
          Map.entry("xdigit", "0-9a-fA-F"),
          Map.entry("word", "\\w"));

  private final String source;
  private final StringBuilder out = new StringBuilder();
  private final Deque<Integer> groups = new ArrayDeque<>();
  private int at;
  private int depth;

  /** Where the last repeatable element starts in {@link #out}. */
  private int element;

  private RegexDialect(String source) {
    this.source = source;
  }

  /**
   * Compiles an expression.
   *
   * @throws java.util.regex.PatternSyntaxException when Java cannot follow it
   */
  static Pattern compile(String expression) {
    return Pattern.compile(new RegexDialect(expression).translate(), FLAGS);
  }

  private String translate() {
    while (at < source.length()) {
      char c = source.charAt(at);
      switch (c) {
        case '\\' -> escape();
        case '[' -> open();
        case ']' -> close();
        case '(' -> group();
        case ')' -> endGroup();
        case '{' -> interval();
        default -> {
          if (depth == 0 && "?*+|".indexOf(c) < 0) {
            element = out.length();
          }
          out.append(c);
          at++;
        }
      }
    }
    return out.toString();
  }

  private void escape() {
    if (depth == 0) {
      element = out.length();
    }
    char c = at + 1 < source.length() ? source.charAt(at + 1) : '\\';
    at += 2;
    switch (c) {
      case 'h' -> out.append("[0-9a-fA-F]");
      case 'H' -> out.append("[^0-9a-fA-F]");
      case 'v' -> out.append("\\x0B");
      case 'p', 'P' -> property(c);
      default -> out.append('\\').append(c);
    }
  }

  /** {@code \p{Name}}, {@code \p{^Name}} or {@code \P{Name}}. */
  private void property(char kind) {
    int end = source.indexOf('}', at);
    if (at >= source.length() || source.charAt(at) != '{' || end < 0) {
      out.append('\\').append(kind);
      return;
    }
    String name = source.substring(at + 1, end);
    at = end + 1;
    boolean negated = kind == 'P';
    if (name.startsWith("^")) {
      negated = !negated;
      name = name.substring(1);
    }
    String posix = CLASSES.get(name.toLowerCase(Locale.ROOT));
    if (posix != null) {
      out.append(negated ? "[^" : "[").append(posix).append(']');
      return;
    }
    String known = name.length() <= 2 || name.startsWith("Is") ? name : "Is" + name;
    out.append(negated ? "\\P{" : "\\p{").append(known).append('}');
  }

  private void open() {
    int end = source.indexOf(":]", at);
    if (depth > 0 && source.startsWith("[:", at) && end > 0) {
      boolean negated = source.startsWith("[:^", at);
      String posix = CLASSES.get(source.substring(at + (negated ? 3 : 2), end));
      if (posix != null) {
        out.append(negated ? "[^" : "[").append(posix).append(']');
        at = end + 2;
        return;
      }
    }
    if (depth++ == 0) {
      element = out.length();
    }
    out.append('[');
    at++;
    if (source.startsWith("^", at)) {
      out.append('^');
      at++;
    }
  }

  private void close() {
    depth = Math.max(0, depth - 1);
    out.append(']');
    at++;
  }

  private void group() {
    if (depth > 0) {
      out.append("\\(");
      at++;
      return;
    }
    groups.push(out.length());
    out.append('(');
    at++;
    if (!source.startsWith("?", at)) {
      return;
    }
    out.append('?');
    at++;
    while (at < source.length() && "imx-".indexOf(source.charAt(at)) >= 0) {
      char flag = source.charAt(at++);
      out.append(flag == 'm' ? 's' : flag);
    }
    if (source.startsWith(":", at)
        || source.startsWith("=", at)
        || source.startsWith("!", at)
        || source.startsWith(">", at)
        || source.startsWith("<", at)) {
      out.append(source.charAt(at++));
    }
  }

  private void endGroup() {
    if (depth > 0) {
      out.append("\\)");
    } else {
      element = groups.isEmpty() ? out.length() : groups.pop();
      out.append(')');
    }
    at++;
  }

  private void interval() {
    int end = source.indexOf('}', at);
    String inside = end < 0 ? "" : source.substring(at + 1, end);
    if (depth > 0 || !inside.matches("\\d*,?\\d*") || inside.isEmpty() || inside.equals(",")) {
      if (depth == 0) {
        element = out.length();
      }
      out.append("\\{");
      at++;
      return;
    }
    out.append('{').append(inside.startsWith(",") ? "0" : "").append(inside).append('}');
    at = end + 1;
    if (source.startsWith("+", at)) {
      out.insert(element, "(?:").append(')');
    }
  }
}
