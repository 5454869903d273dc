package dev.nibble.eval.report;

/** Rows of an HTML table. */
final class HtmlTable {
  private final Markup out;

  /** Opens a table; heads that start with {@code <} are flush left. */
  HtmlTable(Markup out, String... heads) {
    this.out = out;
    out.open("div", "class", "scroll").open("table").open("thead").open("tr");
    for (String head : heads) {
      boolean left = head.startsWith("<");
      out.element("th", left ? head.substring(1) : head, attributes(left ? "left" : ""));
    }
    out.close().close().open("tbody").line();
  }

  private static String[] attributes(String style) {
    return style.isEmpty()
        ? new String[] {"scope", "col"}
        : new String[] {"scope", "col", "class", style};
  }

  HtmlTable row() {
    out.open("tr");
    return this;
  }

  HtmlTable name(String text) {
    out.element("td", text, "class", "name");
    return this;
  }

  HtmlTable code(String text) {
    out.open("td", "class", "left").element("code", text).close();
    return this;
  }

  HtmlTable number(String text) {
    out.element("td", text, "class", "num");
    return this;
  }

  HtmlTable number(String text, String style) {
    out.element("td", text, "class", "num " + style);
    return this;
  }

  HtmlTable note(String text) {
    out.element("td", text, "class", "left note");
    return this;
  }

  HtmlTable endRow() {
    out.close().line();
    return this;
  }

  void end() {
    out.close().close().close().line();
  }
}
