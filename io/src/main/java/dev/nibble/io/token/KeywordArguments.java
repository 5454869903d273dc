package dev.nibble.io.token;

/**
 * Puts the values of keyword arguments in parentheses: Jinjava reads {@code f(n=items|length - 1)}
 * as {@code f((n=items|length) - 1)}.
 */
final class KeywordArguments {
  private final String code;
  private final StringBuilder out = new StringBuilder();
  private int at;

  private KeywordArguments(String code) {
    this.code = code;
  }

  /** The code of one tag with such values in parentheses. */
  static String enclose(String code) {
    if (code.indexOf('=') < 0 || code.strip().startsWith("macro")) {
      return code;
    }
    KeywordArguments scan = new KeywordArguments(code);
    scan.expression(0);
    return scan.out.toString();
  }

  /** Copies up to the end of the brackets that are open. */
  private void expression(int depth) {
    boolean open = false;
    while (at < code.length()) {
      char c = code.charAt(at);
      if (c == '\'' || c == '"') {
        quoted(c);
      } else if (c == '(' || c == '[' || c == '{') {
        out.append(c);
        at++;
        expression(c == '(' ? depth + 1 : 0);
      } else if (c == ')' || c == ']' || c == '}') {
        out.append(open ? ")" : "").append(c);
        at++;
        return;
      } else if (c == ',' && open) {
        out.append("),");
        open = false;
        at++;
      } else if (c == '=' && depth > 0 && !open && assigns()) {
        out.append("=(");
        open = true;
        at++;
      } else {
        out.append(c);
        at++;
      }
    }
  }

  /** True for an equals sign that is no part of a comparison. */
  private boolean assigns() {
    char before = at > 0 ? code.charAt(at - 1) : ' ';
    char after = at + 1 < code.length() ? code.charAt(at + 1) : ' ';
    return "=!<>".indexOf(before) < 0 && after != '=';
  }

  private void quoted(char quote) {
    int start = at++;
    while (at < code.length() && code.charAt(at) != quote) {
      at += code.charAt(at) == '\\' ? 2 : 1;
    }
    at = Math.min(at + 1, code.length());
    out.append(code, start, at);
  }
}
