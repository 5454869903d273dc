package dev.nibble.io.token;

import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import java.util.Map;

/** The functions that Hugging Face adds for chat templates. */
final class TemplateFunctions {
  /** Python's format letters in Java's. */
  private static final Map<Character, String> FORMATS =
      Map.ofEntries(
          Map.entry('a', "EEE"),
          Map.entry('A', "EEEE"),
          Map.entry('b', "MMM"),
          Map.entry('B', "MMMM"),
          Map.entry('d', "dd"),
          Map.entry('m', "MM"),
          Map.entry('y', "yy"),
          Map.entry('Y', "yyyy"),
          Map.entry('H', "HH"),
          Map.entry('I', "hh"),
          Map.entry('M', "mm"),
          Map.entry('S', "ss"),
          Map.entry('p', "a"),
          Map.entry('j', "DDD"),
          Map.entry('F', "yyyy-MM-dd"),
          Map.entry('T', "HH:mm:ss"));

  private TemplateFunctions() {}

  /** Reached by Jinjava by name, hence public. */
  public static final class Callable {
    private Callable() {}

    /** Ends the rendering: the template refuses the conversation. */
    public static String raise_exception(String message) {
      throw new JinjaFailure("the template refuses this conversation: " + message);
    }

    /** Today's date and time in a Python format. */
    public static String strftime_now(String format) {
      var config = JinjavaInterpreter.getCurrent().getConfig();
      long millis = config.getDateTimeProvider().getCurrentTimeMillis();
      return format(format, Instant.ofEpochMilli(millis).atZone(config.getTimeZone()));
    }
  }

  /** A moment in a Python format; letters that are not known stay as they are. */
  static String format(String format, ZonedDateTime moment) {
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < format.length(); i++) {
      char c = format.charAt(i);
      if (c != '%' || i + 1 == format.length()) {
        out.append(c);
        continue;
      }
      char letter = format.charAt(++i);
      String pattern = FORMATS.get(letter);
      if (pattern != null) {
        out.append(DateTimeFormatter.ofPattern(pattern, Locale.ENGLISH).format(moment));
      } else {
        out.append(letter == '%' ? "%" : "%" + letter);
      }
    }
    return out.toString();
  }
}
