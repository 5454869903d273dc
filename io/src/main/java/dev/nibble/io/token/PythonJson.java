package dev.nibble.io.token;

import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.lib.filter.AdvancedFilter;
import java.util.Map;

/** The filter {@code tojson} as Python's {@code json.dumps(value, ensure_ascii=False)} writes. */
final class PythonJson implements AdvancedFilter {
  private static final int MAX_DEPTH = 64;

  @Override
  public String getName() {
    return "tojson";
  }

  @Override
  public Object filter(
      Object value,
      JinjavaInterpreter interpreter,
      Object[] arguments,
      Map<String, Object> keywords) {
    Object indent = arguments.length > 0 ? arguments[0] : keywords.get("indent");
    StringBuilder out = new StringBuilder();
    int width = indent instanceof Number number ? Math.clamp(number.longValue(), 0, 16) : -1;
    new Writer(out, width).value(value, 0);
    return out.toString();
  }

  /**
   * Writes values.
   *
   * @param width spaces of one level, -1 for everything on one line
   */
  private record Writer(StringBuilder out, int width) {

    void value(Object value, int depth) {
      if (depth > MAX_DEPTH) {
        throw new JinjaFailure("the template writes JSON nested too deeply");
      }
      switch (value) {
        case null -> out.append("null");
        case Boolean truth -> out.append(truth);
        case Number number -> out.append(number);
        case Map<?, ?> map -> {
          boolean first = true;
          out.append('{');
          for (Map.Entry<?, ?> entry : map.entrySet()) {
            next(first, depth + 1);
            text(String.valueOf(entry.getKey()));
            out.append(": ");
            value(entry.getValue(), depth + 1);
            first = false;
          }
          end(first, depth);
          out.append('}');
        }
        case Iterable<?> list -> {
          boolean first = true;
          out.append('[');
          for (Object element : list) {
            next(first, depth + 1);
            value(element, depth + 1);
            first = false;
          }
          end(first, depth);
          out.append(']');
        }
        default -> text(value.toString());
      }
    }

    private void next(boolean first, int depth) {
      if (!first) {
        out.append(width < 0 ? ", " : ",");
      }
      line(depth);
    }

    private void end(boolean empty, int depth) {
      if (!empty) {
        line(depth);
      }
    }

    private void line(int depth) {
      if (width >= 0) {
        out.append('\n').append(" ".repeat(width * depth));
      }
    }

    private void text(String text) {
      out.append('"');
      for (int i = 0; i < text.length(); i++) {
        char c = text.charAt(i);
        switch (c) {
          case '"' -> out.append("\\\"");
          case '\\' -> out.append("\\\\");
          case '\n' -> out.append("\\n");
          case '\r' -> out.append("\\r");
          case '\t' -> out.append("\\t");
          case '\b' -> out.append("\\b");
          case '\f' -> out.append("\\f");
          default -> {
            if (c < 0x20) {
              out.append(String.format("\\u%04x", (int) c));
            } else {
              out.append(c);
            }
          }
        }
      }
      out.append('"');
    }
  }
}
