package dev.nibble.eval.report;

import java.util.Locale;

/** An SVG drawing: sizes in CSS pixels, colours by class, scaled to the width of its place. */
final class Chart {
  private final Markup out;

  /**
   * Opens a drawing with a title for readers that do not see it.
   *
   * @param description what it shows, in a sentence
   */
  Chart(Markup out, double width, double height, String description) {
    this.out = out;
    out.open(
        "svg",
        "xmlns",
        "http://www.w3.org/2000/svg",
        "viewBox",
        "0 0 " + number(width) + " " + number(height),
        "role",
        "img",
        "aria-label",
        description,
        "style",
        "max-width:" + number(width) + "px");
  }

  void end() {
    out.close().line();
  }

  /** Coordinates with at most two decimals. */
  static String number(double value) {
    String text = String.format(Locale.ROOT, "%.2f", value);
    return text.replaceAll("\\.?0+$", "").replaceAll("^-0$", "0");
  }

  /** A straight line. */
  Chart line(String style, double x1, double y1, double x2, double y2) {
    out.empty(
        "line",
        "class",
        style,
        "x1",
        number(x1),
        "y1",
        number(y1),
        "x2",
        number(x2),
        "y2",
        number(y2));
    return this;
  }

  /** A connected line through points given as x, y, x, y … */
  Chart path(String style, double[] xy) {
    StringBuilder d = new StringBuilder();
    for (int i = 0; i < xy.length; i += 2) {
      d.append(i == 0 ? "M" : "L").append(number(xy[i])).append(' ').append(number(xy[i + 1]));
    }
    if (xy.length > 0) {
      out.empty("path", "class", style, "d", d.toString());
    }
    return this;
  }

  /** A dot that tells its value when pointed at. */
  Chart dot(String style, double x, double y, double radius, String tip) {
    out.open("circle", "class", style, "cx", number(x), "cy", number(y), "r", number(radius));
    return tip(tip);
  }

  /** A filled rectangle that tells its value when pointed at. */
  Chart box(String style, double x, double y, double width, double height, String tip) {
    return box(style, "", x, y, width, height, tip);
  }

  /** As the other, with an inline style (a computed colour) besides the class. */
  Chart box(String style, String css, double x, double y, double width, double height, String tip) {
    String[] attributes = {
      "class",
      style,
      "x",
      number(x),
      "y",
      number(y),
      "width",
      number(Math.max(width, 0)),
      "height",
      number(Math.max(height, 0)),
      "rx",
      "2",
      "style",
      css
    };
    out.open("rect", css.isEmpty() ? java.util.Arrays.copyOf(attributes, 12) : attributes);
    return tip(tip);
  }

  private Chart tip(String tip) {
    if (!tip.isEmpty()) {
      out.element("title", tip);
    }
    out.close();
    return this;
  }

  /** Text; {@code anchor} is start, middle or end. */
  Chart text(String style, double x, double y, String anchor, String text) {
    out.element(
        "text", text, "class", style, "x", number(x), "y", number(y), "text-anchor", anchor);
    return this;
  }

  /** Horizontal grid lines with labels left of {@code x1}. */
  Chart verticalAxis(Scale scale, int ticks, double x1, double x2) {
    for (double tick : scale.ticks(ticks)) {
      double y = scale.at(tick);
      line("grid", x1, y, x2, y);
      text("tick", x1 - 6, y + 3.5, "end", Scale.label(tick));
    }
    return this;
  }

  /** Tick marks with labels below {@code y}. */
  Chart horizontalAxis(Scale scale, int ticks, double y) {
    line("axis", scale.from(), y, scale.to(), y);
    for (double tick : scale.ticks(ticks)) {
      double x = scale.at(tick);
      line("axis", x, y, x, y + 4);
      text("tick", x, y + 16, "middle", Scale.label(tick));
    }
    return this;
  }
}
