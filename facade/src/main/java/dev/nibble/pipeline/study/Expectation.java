package dev.nibble.pipeline.study;

import dev.nibble.core.NibbleException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * An expected order of figures, as {@code quantease <= gptq < rtn} or {@code a <= 1.02 * b}: each
 * link of the chain must hold. Figures that are not finite hold no link they are in, except that a
 * finite figure is below one that is not.
 */
public final class Expectation {
  private static final Pattern TERM =
      Pattern.compile("\\s*(?:(\\d+(?:\\.\\d+)?)\\s*\\*\\s*)?([A-Za-z0-9][A-Za-z0-9_.+-]*)\\s*");

  private final String text;
  private final List<Term> terms = new ArrayList<>();
  private final List<Boolean> strict = new ArrayList<>();

  /** {@code factor * name}. */
  private record Term(double factor, String name) {}

  private Expectation(String text) {
    this.text = text;
  }

  /**
   * Reads a chain.
   *
   * @param where for messages
   * @throws NibbleException when it is no chain of at least two names
   */
  public static Expectation parse(String text, String where) {
    Expectation out = new Expectation(text.strip());
    Matcher matcher = TERM.matcher(text);
    int at = 0;
    while (matcher.region(at, text.length()).lookingAt()) {
      double factor = matcher.group(1) == null ? 1 : Double.parseDouble(matcher.group(1));
      out.terms.add(new Term(factor, matcher.group(2)));
      at = matcher.end();
      if (at == text.length() && out.terms.size() > 1) {
        return out;
      }
      if (text.startsWith("<=", at)) {
        out.strict.add(false);
        at += 2;
      } else if (text.startsWith("<", at)) {
        out.strict.add(true);
        at += 1;
      } else {
        break;
      }
    }
    throw new NibbleException(
        where + ".expect: \"" + text + "\" is no chain of names, as \"a <= 1.02 * b < c\"");
  }

  /** Names that the chain speaks of, in order. */
  public List<String> names() {
    return terms.stream().map(Term::name).toList();
  }

  /** True when every link holds. A name without a figure holds no link. */
  public boolean holds(Map<String, Double> figures) {
    for (int i = 0; i < strict.size(); i++) {
      if (!link(figures, terms.get(i), terms.get(i + 1), strict.get(i))) {
        return false;
      }
    }
    return true;
  }

  private static boolean link(Map<String, Double> figures, Term low, Term high, boolean strict) {
    Double a = figures.get(low.name());
    Double b = figures.get(high.name());
    if (a == null || b == null || !Double.isFinite(a)) {
      return false;
    }
    double left = low.factor() * a;
    double right = Double.isFinite(b) ? high.factor() * b : Double.POSITIVE_INFINITY;
    return strict ? left < right : left <= right;
  }

  /** The chain with the figures in place of the names. */
  public String with(Map<String, Double> figures) {
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < terms.size(); i++) {
      Term term = terms.get(i);
      if (i > 0) {
        out.append(strict.get(i - 1) ? " < " : " ≤ ");
      }
      if (term.factor() != 1) {
        out.append(term.factor()).append(" × ");
      }
      Double figure = figures.get(term.name());
      out.append(figure == null ? "none" : String.format(Locale.ROOT, "%.4g", figure));
    }
    return out.toString();
  }

  @Override
  public String toString() {
    return text.replace("<=", "≤");
  }
}
