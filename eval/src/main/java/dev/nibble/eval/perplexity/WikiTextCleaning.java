package dev.nibble.eval.perplexity;

import java.util.List;
import java.util.regex.Pattern;

/** Undoes the tokenization marks of WikiText before a page is scored per word. */
public final class WikiTextCleaning {
  private record Rule(Pattern pattern, String replacement) {}

  /** Applied in this order. */
  private static final List<Rule> RULES =
      List.of(
          literal("s '", "s'"),
          literal(" @-@ ", "-"),
          literal(" @,@ ", ","),
          literal(" @.@ ", "."),
          literal(" : ", ": "),
          literal(" ; ", "; "),
          literal(" . ", ". "),
          literal(" ! ", "! "),
          literal(" ? ", "? "),
          literal(" , ", ", "),
          rule("\\(\\s*([^\\)]*?)\\s*\\)", "($1)"),
          rule("\\[\\s*([^\\]]*?)\\s*\\]", "[$1]"),
          rule("\\{\\s*([^\\}]*?)\\s*\\}", "{$1}"),
          rule("\"\\s*([^\"]*?)\\s*\"", "\"$1\""),
          rule("'\\s*([^']*?)\\s*'", "'$1'"),
          literal("= = = =", "===="),
          literal("= = =", "==="),
          literal("= =", "=="),
          literal(" \u00b0 ", "\u00b0"),
          literal(" \n", "\n"),
          literal("\n ", "\n"),
          literal(" N ", " 1 "),
          literal(" 's", "'s"));

  private WikiTextCleaning() {}

  private static Rule literal(String from, String to) {
    return new Rule(
        Pattern.compile(Pattern.quote(from)), java.util.regex.Matcher.quoteReplacement(to));
  }

  private static Rule rule(String pattern, String replacement) {
    return new Rule(Pattern.compile(pattern), replacement);
  }

  /** The page as running text. */
  public static String clean(String page) {
    String text = page;
    for (Rule rule : RULES) {
      text = rule.pattern().matcher(text).replaceAll(rule.replacement());
    }
    return text;
  }
}
