package dev.nibble.io.token;

import com.hubspot.jinjava.el.ext.NamedParameter;
import java.beans.FeatureDescriptor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import jinjava.javax.el.ELContext;
import jinjava.javax.el.ELResolver;

/**
 * Python's methods of texts, dictionaries and lists in place of Java's: nothing else can be called
 * on a value, and nothing that changes it.
 */
final class PythonMethods extends ELResolver {

  @Override
  public Object invoke(
      ELContext context, Object base, Object method, Class<?>[] types, Object[] arguments) {
    if (!(base instanceof CharSequence)
        && !(base instanceof Map<?, ?>)
        && !(base instanceof List)) {
      return null;
    }
    List<Object> values = new ArrayList<>();
    for (Object argument : arguments) {
      values.add(argument instanceof NamedParameter named ? named.getValue() : argument);
    }
    String name = String.valueOf(method);
    Object result =
        switch (base) {
          case CharSequence text -> onText(text.toString(), name, values);
          case Map<?, ?> map -> onMap(map, name, values);
          default -> onList((List<?>) base, name, values);
        };
    context.setPropertyResolved(true);
    return result;
  }

  private static Object onText(String text, String method, List<Object> arguments) {
    String first = text(arguments, 0);
    return switch (method) {
      case "strip" -> strip(text, first, true, true);
      case "lstrip" -> strip(text, first, true, false);
      case "rstrip" -> strip(text, first, false, true);
      case "startswith" -> anyOf(arguments).stream().anyMatch(text::startsWith);
      case "endswith" -> anyOf(arguments).stream().anyMatch(text::endsWith);
      case "split" -> split(text, first, limit(arguments));
      case "rsplit" -> rsplit(text, first, limit(arguments));
      case "splitlines" -> new ArrayList<>(text.lines().toList());
      case "upper" -> text.toUpperCase(Locale.ROOT);
      case "lower" -> text.toLowerCase(Locale.ROOT);
      case "title" -> title(text);
      case "capitalize" ->
          text.isEmpty()
              ? text
              : text.substring(0, 1).toUpperCase(Locale.ROOT)
                  + text.substring(1).toLowerCase(Locale.ROOT);
      case "replace" -> replace(text, first, text(arguments, 1), arguments);
      case "find" -> (long) text.indexOf(first);
      case "count" -> (long) split(text, first, -1).size() - 1;
      case "join" -> join(text, arguments.isEmpty() ? List.of() : arguments.getFirst());
      case "isdigit" -> !text.isEmpty() && text.chars().allMatch(Character::isDigit);
      case "removeprefix" -> text.startsWith(first) ? text.substring(first.length()) : text;
      case "removesuffix" ->
          text.endsWith(first) ? text.substring(0, text.length() - first.length()) : text;
      default -> throw unknown("a text", method);
    };
  }

  private static Object onMap(Map<?, ?> map, String method, List<Object> arguments) {
    return switch (method) {
      case "get" -> {
        Object found = arguments.isEmpty() ? null : map.get(arguments.getFirst());
        yield found == null && arguments.size() > 1 ? arguments.get(1) : found;
      }
      case "items" -> {
        List<Object> items = new ArrayList<>();
        map.forEach((key, value) -> items.add(new ArrayList<>(Arrays.asList(key, value))));
        yield items;
      }
      case "keys" -> new ArrayList<Object>(map.keySet());
      case "values" -> new ArrayList<Object>(map.values());
      default -> throw unknown("a dictionary", method);
    };
  }

  private static Object onList(List<?> list, String method, List<Object> arguments) {
    Object first = arguments.isEmpty() ? null : arguments.getFirst();
    return switch (method) {
      case "index" -> (long) list.indexOf(first);
      case "count" -> (long) Collections.frequency(list, first);
      default -> throw unknown("a list", method);
    };
  }

  private static JinjaFailure unknown(String what, String method) {
    return new JinjaFailure("the template calls '" + method + "' on " + what + ", unknown here");
  }

  private static String text(List<Object> arguments, int index) {
    Object value = index < arguments.size() ? arguments.get(index) : null;
    return value == null ? null : value.toString();
  }

  private static List<String> anyOf(List<Object> arguments) {
    Object first = arguments.isEmpty() ? "" : arguments.getFirst();
    return first instanceof List<?> several
        ? several.stream().map(String::valueOf).toList()
        : List.of(String.valueOf(first));
  }

  private static int limit(List<Object> arguments) {
    return arguments.size() > 1 && arguments.get(1) instanceof Number number
        ? number.intValue()
        : -1;
  }

  private static String strip(String text, String characters, boolean left, boolean right) {
    int start = 0;
    int end = text.length();
    while (left && start < end && isIn(text.charAt(start), characters)) {
      start++;
    }
    while (right && start < end && isIn(text.charAt(end - 1), characters)) {
      end--;
    }
    return text.substring(start, end);
  }

  private static boolean isIn(char c, String characters) {
    return characters == null
        ? Characters.isSpace(c) || (c >= 0x1c && c <= 0x1f)
        : characters.indexOf(c) >= 0;
  }

  /** Python's split: at most {@code limit} cuts; without separator at runs of spaces. */
  private static List<Object> split(String text, String separator, int limit) {
    List<Object> parts = new ArrayList<>();
    int start = separator == null ? skipSpaces(text, 0) : 0;
    while (limit < 0 || parts.size() < limit) {
      int cut = separator == null ? nextSpace(text, start) : text.indexOf(separator, start);
      if (cut < 0 || (separator != null && separator.isEmpty())) {
        break;
      }
      parts.add(text.substring(start, cut));
      start = separator == null ? skipSpaces(text, cut) : cut + separator.length();
    }
    if (separator != null || start < text.length()) {
      parts.add(text.substring(start));
    }
    return parts;
  }

  private static List<Object> rsplit(String text, String separator, int limit) {
    if (separator == null || limit < 0 || separator.isEmpty()) {
      return split(text, separator, -1);
    }
    List<Object> parts = new ArrayList<>();
    int end = text.length();
    while (parts.size() < limit) {
      int cut = text.lastIndexOf(separator, end - separator.length());
      if (cut < 0) {
        break;
      }
      parts.addFirst(text.substring(cut + separator.length(), end));
      end = cut;
    }
    parts.addFirst(text.substring(0, end));
    return parts;
  }

  private static int skipSpaces(String text, int from) {
    int at = from;
    while (at < text.length() && isIn(text.charAt(at), null)) {
      at++;
    }
    return at;
  }

  private static int nextSpace(String text, int from) {
    for (int at = from; at < text.length(); at++) {
      if (isIn(text.charAt(at), null)) {
        return at;
      }
    }
    return -1;
  }

  /** A capital after everything that is no letter. */
  private static String title(String text) {
    StringBuilder out = new StringBuilder(text.length());
    boolean inWord = false;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      out.append(inWord ? Character.toLowerCase(c) : Character.toTitleCase(c));
      inWord = Character.isLetter(c);
    }
    return out.toString();
  }

  private static String replace(String text, String old, String fresh, List<Object> arguments) {
    if (old == null || fresh == null) {
      throw new JinjaFailure("the template calls 'replace' without two texts");
    }
    if (arguments.size() < 3 || !(arguments.get(2) instanceof Number number)) {
      return text.replace(old, fresh);
    }
    return join(fresh, split(text, old, number.intValue()));
  }

  private static String join(String separator, Object items) {
    StringBuilder out = new StringBuilder();
    if (items instanceof Iterable<?> all) {
      String between = "";
      for (Object item : all) {
        out.append(between).append(item);
        between = separator;
      }
    }
    return out.toString();
  }

  @Override
  public Object getValue(ELContext context, Object base, Object property) {
    return null;
  }

  @Override
  public Class<?> getType(ELContext context, Object base, Object property) {
    return null;
  }

  @Override
  public void setValue(ELContext context, Object base, Object property, Object value) {
    // Values are read-only here; the resolver behind this one decides.
  }

  @Override
  public boolean isReadOnly(ELContext context, Object base, Object property) {
    return true;
  }

  @Override
  public Iterator<FeatureDescriptor> getFeatureDescriptors(ELContext context, Object base) {
    return Collections.emptyIterator();
  }

  @Override
  public Class<?> getCommonPropertyType(ELContext context, Object base) {
    return Object.class;
  }
}
