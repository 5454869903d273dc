package dev.nibble.io.token;

import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.lib.filter.Filter;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/** What {@code [::-1]} does: the list or text from end to start. */
final class ReversedFilter implements Filter {
  static final String NAME = "reversed_copy";

  @Override
  public String getName() {
    return NAME;
  }

  @Override
  public Object filter(Object value, JinjavaInterpreter interpreter, String... arguments) {
    if (value instanceof Collection<?> items) {
      List<Object> copy = new ArrayList<>(items);
      return copy.reversed();
    }
    return value == null ? null : new StringBuilder(value.toString()).reverse().toString();
  }
}
