package dev.nibble.eval.report;

import java.util.Map;

/** Pictures of the sites: error beside round-to-nearest's, and the map of bits. */
final class SiteCharts {
  private static final double WIDTH = 300;
  private static final double HEIGHT = 168;
  private static final double LEFT = 40;
  private static final double RIGHT = WIDTH - 10;
  private static final double TOP = 26;
  private static final double BOTTOM = HEIGHT - 28;

  private SiteCharts() {}

  /** One small drawing per kind of site, all on the same axes. */
  static void errors(Markup out, SiteGrid grid) {
    double[] values =
        grid.kinds().values().stream()
            .flatMap(m -> m.values().stream())
            .flatMap(r -> java.util.stream.Stream.of(r.relativeError(), r.rtnRelativeError()))
            .mapToDouble(SiteCharts::visible)
            .toArray();
    Scale y = Scale.linear(values, BOTTOM, TOP);
    Scale x = new Scale(-0.5, Math.max(grid.layers(), 1) - 0.5, LEFT, RIGHT, false);
    out.open("div", "class", "panels").line();
    grid.kinds().forEach((kind, sites) -> panel(out, kind, sites, x, y));
    out.close().line();
  }

  /** Decibels; an exact site has none and is not drawn. */
  private static double visible(double relativeError) {
    double decibels = Figures.decibels(relativeError);
    return Double.isFinite(decibels) ? decibels : Double.NaN;
  }

  private static void panel(
      Markup out, String kind, Map<Integer, Section.SiteRow> sites, Scale x, Scale y) {
    Chart chart =
        new Chart(
            out,
            WIDTH,
            HEIGHT,
            "Relative error of " + kind + " in decibels by layer, with round-to-nearest's");
    chart.text("caption", LEFT, 15, "start", kind).verticalAxis(y, 4, LEFT, RIGHT);
    chart.line("axis", LEFT, BOTTOM, RIGHT, BOTTOM);
    int every = Math.max(1, (int) Math.ceil(x.high() / 8));
    for (int layer = 0; layer < x.high(); layer += every) {
      chart.text("tick", x.at(layer), BOTTOM + 15, "middle", Integer.toString(layer));
    }
    chart.path("trace-rtn", trace(sites, x, y, true));
    chart.path("trace", trace(sites, x, y, false));
    double radius = x.high() > 40 ? 2 : 3;
    for (Map.Entry<Integer, Section.SiteRow> e : sites.entrySet()) {
      dot(chart, "dot-rtn", x.at(e.getKey()), y, e.getValue().rtnRelativeError(), e, radius);
    }
    for (Map.Entry<Integer, Section.SiteRow> e : sites.entrySet()) {
      dot(chart, "dot", x.at(e.getKey()), y, e.getValue().relativeError(), e, radius);
    }
    chart.end();
  }

  private static void dot(
      Chart chart,
      String style,
      double x,
      Scale y,
      double error,
      Map.Entry<Integer, Section.SiteRow> site,
      double radius) {
    double decibels = visible(error);
    if (!Double.isNaN(decibels)) {
      chart.dot(style, x, y.at(decibels), radius, tip(site.getValue()));
    }
  }

  private static String tip(Section.SiteRow row) {
    String rtn = decibels(row.rtnRelativeError());
    return row.site()
        + " · "
        + row.spec()
        + "\n"
        + decibels(row.relativeError())
        + (rtn.isEmpty() ? "" : ", round-to-nearest " + rtn);
  }

  /** A relative error in decibels, "exact" when it is 0. */
  static String decibels(double relativeError) {
    return relativeError == 0
        ? "exact"
        : Figures.text(Figures.decibels(relativeError), Unit.DECIBELS);
  }

  private static double[] trace(
      Map<Integer, Section.SiteRow> sites, Scale x, Scale y, boolean rtn) {
    return sites.entrySet().stream()
        .filter(e -> !Double.isNaN(visible(error(e.getValue(), rtn))))
        .flatMapToDouble(
            e ->
                java.util.stream.DoubleStream.of(
                    x.at(e.getKey()), y.at(visible(error(e.getValue(), rtn)))))
        .toArray();
  }

  private static double error(Section.SiteRow row, boolean rtn) {
    return rtn ? row.rtnRelativeError() : row.relativeError();
  }

  /** A cell per site, coloured by its bits per weight. */
  static void bits(Markup out, SiteGrid grid) {
    double label = 96;
    double cell = Math.clamp(900.0 / Math.max(grid.layers(), 1), 9, 46);
    double height = 24;
    double width = label + cell * grid.layers() + 8;
    Chart chart =
        new Chart(
            out, width, height * grid.kinds().size() + 24, "Bits per weight by layer and site");
    int row = 0;
    for (Map.Entry<String, Map<Integer, Section.SiteRow>> kind : grid.kinds().entrySet()) {
      double y = row++ * height;
      chart.text("tick", label - 8, y + height / 2 + 4, "end", kind.getKey());
      for (Map.Entry<Integer, Section.SiteRow> site : kind.getValue().entrySet()) {
        double x = label + site.getKey() * cell;
        Section.SiteRow r = site.getValue();
        String bits = Figures.text(r.bitsPerWeight(), Unit.BITS);
        chart.box(
            "cell",
            heat(r.bitsPerWeight()),
            x,
            y,
            cell - 2,
            height - 2,
            r.site() + " · " + r.spec() + "\n" + bits + " bits per weight");
        if (cell >= 34) {
          String text = Chart.number(Math.round(r.bitsPerWeight() * 100) / 100.0);
          chart.text("cell-text", x + cell / 2 - 1, y + height / 2 + 3, "middle", text);
        }
      }
    }
    int every = cell >= 18 ? 1 : 5;
    for (int layer = 0; layer < grid.layers(); layer += every) {
      double x = label + layer * cell + cell / 2 - 1;
      chart.text("tick", x, row * height + 14, "middle", Integer.toString(layer));
    }
    chart.end();
  }

  /** Share of the accent colour in a cell: 1 bit is faint, 8 and more are full. */
  private static String heat(double bits) {
    double share = Math.clamp(Math.log(Math.max(bits, 1)) / Math.log(8), 0, 1);
    return "fill-opacity:" + Chart.number(0.18 + 0.74 * share);
  }
}
