package dev.nibble.io.token;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Takes the white space out of a template's source that Python's Jinja would not print with {@code
 * trim_blocks} and {@code lstrip_blocks}: the spaces that indent a block, the line end after one,
 * everything beside a minus sign. Comments go altogether. What is left needs no white space control
 * by the engine, whose own differs where a block follows an expression.
 */
final class TemplateSource {
  private static final Pattern RAW = Pattern.compile("\\{%[-+]?\\s*raw\\s*([-+]?)%\\}");
  private static final Pattern END_RAW = Pattern.compile("\\{%([-+]?)\\s*endraw\\s*([-+]?)%\\}");

  private final String source;
  private final StringBuilder out = new StringBuilder();
  private int at;

  /** Whether what comes next stands at the start of a line. */
  private boolean lineStart = true;

  private TemplateSource(String source) {
    this.source = source;
  }

  /** The source without that white space. */
  static String trim(String source) {
    return new TemplateSource(source.replace("\r\n", "\n").replace('\r', '\n')).trim();
  }

  private String trim() {
    int end = source.endsWith("\n") ? source.length() - 1 : source.length();
    while (at < end) {
      int open = nextOpen(end);
      if (open == end) {
        out.append(source, at, end);
        break;
      }
      char kind = source.charAt(open + 1);
      text(open, kind);
      if (kind == '%' && RAW.matcher(source).region(open, end).lookingAt()) {
        raw(open, end);
      } else if (kind == '#') {
        comment(open, end);
      } else {
        code(open, end, kind);
      }
    }
    return out.toString();
  }

  private int nextOpen(int end) {
    for (int i = at; i + 1 < end; i++) {
      if (source.charAt(i) == '{' && "{%#".indexOf(source.charAt(i + 1)) >= 0) {
        return i;
      }
    }
    return end;
  }

  /** Writes the text before a tag as far as the tag lets it stand. */
  private void text(int open, char kind) {
    int end = open;
    char sign = open + 2 < source.length() ? source.charAt(open + 2) : ' ';
    if (sign == '-') {
      while (end > at && Characters.isSpace(source.charAt(end - 1))) {
        end--;
      }
    } else if (sign != '+' && kind != '{') {
      int line = source.lastIndexOf('\n', open - 1) + 1;
      boolean whole = line > at || (lineStart && line <= at);
      int start = Math.max(line, at);
      if (whole && source.substring(start, open).isBlank()) {
        end = start;
      }
    }
    out.append(source, at, end);
  }

  private void comment(int open, int end) {
    int close = source.indexOf("#}", open + 2);
    if (close < 0 || close + 2 > end) {
      throw new JinjaFailure("a comment is not closed");
    }
    after(close + 2, source.charAt(close - 1), true);
  }

  /** A block or an expression, written without its signs. */
  private void code(int open, int end, char kind) {
    String mark = kind == '{' ? "}}" : "%}";
    int start = open + 2;
    if (start < end && "-+".indexOf(source.charAt(start)) >= 0) {
      start++;
    }
    int close = closing(start, end, mark);
    char sign = source.charAt(close - 1);
    boolean signed = close > start && (sign == '-' || (sign == '+' && kind == '%'));
    out.append(source, open, open + 2).append(' ');
    String code = source.substring(start, signed ? close - 1 : close);
    out.append(KeywordArguments.enclose(code)).append(' ').append(mark);
    after(close + 2, signed ? sign : ' ', kind == '%');
  }

  /** Where a tag ends, outside quotes and braces. */
  private int closing(int start, int end, String mark) {
    int depth = 0;
    char quote = 0;
    for (int i = start; i < end; i++) {
      char c = source.charAt(i);
      if (quote != 0) {
        if (c == '\\') {
          i++;
        } else if (c == quote) {
          quote = 0;
        }
      } else if (c == '"' || c == '\'') {
        quote = c;
      } else if (depth == 0 && i + 1 < end && source.startsWith(mark, i)) {
        return i;
      } else if (c == '{') {
        depth++;
      } else if (c == '}') {
        depth--;
      }
    }
    throw new JinjaFailure("a tag is not closed by '" + mark + "'");
  }

  private void raw(int open, int end) {
    Matcher begin = RAW.matcher(source).region(open, end);
    Matcher close = END_RAW.matcher(source).region(open, end);
    if (!begin.lookingAt() || !close.find()) {
      throw new JinjaFailure("a raw block is not closed");
    }
    String inside = source.substring(begin.end(), close.start());
    inside = begin.group(1).equals("-") ? inside.stripLeading() : inside;
    inside = close.group(1).equals("-") ? inside.stripTrailing() : inside;
    out.append("{% raw %}").append(inside).append("{% endraw %}");
    String sign = close.group(2);
    after(close.end(), sign.isEmpty() ? ' ' : sign.charAt(0), true);
  }

  /** Goes on behind a tag, past the white space that it takes along. */
  private void after(int next, char sign, boolean block) {
    at = next;
    lineStart = false;
    if (sign == '-') {
      while (at < source.length() && Characters.isSpace(source.charAt(at))) {
        at++;
      }
      lineStart = at > next && source.charAt(at - 1) == '\n';
    } else if (block && sign != '+' && at < source.length() && source.charAt(at) == '\n') {
      at++;
      lineStart = true;
    }
  }
}
