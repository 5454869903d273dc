package dev.nibble.eval.report;

import dev.nibble.eval.divergence.Histogram;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/** Pictures of sizes, frontiers, curves and distributions. */
final class Charts {
  private static final double WIDTH = 940;
  private static final double LEFT = 64;
  private static final double RIGHT = WIDTH - 24;

  /** Number of series colours in the style sheet. */
  static final int COLOURS = 6;

  private Charts() {}

  /** Two stacked bars to one scale: the original and the result. */
  static void sizes(Markup out, List<Section.SizePart> parts) {
    double before = parts.stream().mapToDouble(Section.SizePart::before).sum();
    double after = parts.stream().mapToDouble(Section.SizePart::after).sum();
    Scale x = new Scale(0, Math.max(Math.max(before, after), 1), LEFT, RIGHT, false);
    Chart chart = new Chart(out, WIDTH, 118, "Bytes by part, before and after");
    bar(chart, "before", parts, true, x, 8);
    bar(chart, "after", parts, false, x, 58);
    chart.end();
  }

  private static void bar(
      Chart chart, String label, List<Section.SizePart> parts, boolean before, Scale x, double y) {
    chart.text("tick", LEFT - 8, y + 24, "end", label);
    double sum = 0;
    for (int i = 0; i < parts.size(); i++) {
      double bytes = before ? (double) parts.get(i).before() : (double) parts.get(i).after();
      double from = x.at(sum);
      sum += bytes;
      String size = Figures.text(bytes, Unit.BYTES);
      chart.box(
          "fill-" + i % COLOURS,
          from,
          y,
          x.at(sum) - from - 1,
          40,
          parts.get(i).name() + ": " + size);
    }
    String total = Figures.text(sum, Unit.BYTES);
    boolean inside = x.at(sum) > RIGHT - 80;
    chart.text(
        inside ? "total-inside" : "total",
        x.at(sum) + (inside ? -8 : 8),
        y + 25,
        inside ? "end" : "start",
        total);
  }

  /** Divergence over bits per weight, both better towards the lower left corner. */
  static void frontier(Markup out, List<Section.Point> points) {
    double height = 400;
    double bottom = height - 44;
    List<Section.Point> shown =
        points.stream().filter(p -> p.kld() > 0 && Double.isFinite(p.bitsPerWeight())).toList();
    Scale x =
        Scale.linear(
            shown.stream().mapToDouble(Section.Point::bitsPerWeight).toArray(), LEFT, RIGHT - 80);
    Scale y =
        Scale.logarithmic(shown.stream().mapToDouble(Section.Point::kld).toArray(), bottom, 16);
    Chart chart = new Chart(out, WIDTH, height, "KL divergence over bits per weight");
    chart.verticalAxis(y, 5, LEFT, RIGHT).horizontalAxis(x, 8, bottom);
    chart.text(
        "axis-label", (LEFT + RIGHT) / 2, height - 6, "middle", "bits per weight, whole model");
    chart.text("axis-label", LEFT, 10, "start", "KL divergence in nats (logarithmic)");
    List<Section.Point> best = pareto(shown);
    chart.path(
        "pareto",
        best.stream()
            .flatMapToDouble(
                p -> java.util.stream.DoubleStream.of(x.at(p.bitsPerWeight()), y.at(p.kld())))
            .toArray());
    List<String> groups = groups(points);
    for (Section.Point p : shown) {
      point(chart, p, groups.indexOf(p.group()) % COLOURS, x, y);
    }
    labels(chart, shown, x, y);
    chart.end();
  }

  private static void point(Chart chart, Section.Point p, int colour, Scale x, Scale y) {
    double cx = x.at(p.bitsPerWeight());
    if (p.kldError() > 0) {
      double low = y.at(Math.max(p.kld() - 1.96 * p.kldError(), y.low()));
      chart.line("stroke-" + colour, cx, low, cx, y.at(p.kld() + 1.96 * p.kldError()));
    }
    chart.dot(
        "fill-" + colour,
        cx,
        y.at(p.kld()),
        5,
        p.label()
            + "\n"
            + Figures.withError(p.kld(), p.kldError(), Unit.NATS)
            + " nats, "
            + Figures.text(p.bitsPerWeight(), Unit.BITS)
            + " bits per weight, "
            + Figures.text((double) p.bytes(), Unit.BYTES));
  }

  /** Names the points from top to bottom, moving a name down where it would cover another. */
  private static void labels(Chart chart, List<Section.Point> points, Scale x, Scale y) {
    List<double[]> placed = new ArrayList<>();
    for (Section.Point p :
        points.stream().sorted(Comparator.comparingDouble(p -> -p.kld())).toList()) {
      double left = x.at(p.bitsPerWeight()) + 9;
      double line = y.at(p.kld()) + 4;
      for (double[] other : placed) {
        if (Math.abs(other[0] - left) < 90 && line < other[1] + 13) {
          line = other[1] + 13;
        }
      }
      placed.add(new double[] {left, line});
      chart.text("point", left, line, "start", p.label());
    }
  }

  /** Groups in order of appearance. */
  static List<String> groups(List<Section.Point> points) {
    return points.stream().map(Section.Point::group).distinct().toList();
  }

  /** Points that no other beats in both size and divergence, by rising size. */
  static List<Section.Point> pareto(List<Section.Point> points) {
    List<Section.Point> best = new ArrayList<>();
    double lowest = Double.POSITIVE_INFINITY;
    for (Section.Point p :
        points.stream()
            .sorted(
                Comparator.comparingDouble(Section.Point::bitsPerWeight)
                    .thenComparingDouble(Section.Point::kld))
            .toList()) {
      if (p.kld() < lowest) {
        best.add(p);
        lowest = p.kld();
      }
    }
    return best;
  }

  /** Lines over one axis. */
  static void curves(Markup out, Section.Curves curves) {
    double height = 320;
    double bottom = height - 44;
    Scale x = Scale.linear(all(curves.series(), true), LEFT, RIGHT);
    Scale y = Scale.linear(all(curves.series(), false), bottom, 22);
    Chart chart = new Chart(out, WIDTH, height, curves.yLabel() + " over " + curves.xLabel());
    chart.verticalAxis(y, 5, LEFT, RIGHT).horizontalAxis(x, 8, bottom);
    chart.text("axis-label", (LEFT + RIGHT) / 2, height - 6, "middle", curves.xLabel());
    chart.text("axis-label", LEFT, 10, "start", curves.yLabel());
    for (int s = 0; s < curves.series().size(); s++) {
      Section.Series series = curves.series().get(s);
      double[] xy = new double[2 * series.x().size()];
      int n = 0;
      for (int i = 0; i < series.x().size(); i++) {
        if (Double.isFinite(series.y().get(i)) && Double.isFinite(series.x().get(i))) {
          xy[n++] = x.at(series.x().get(i));
          xy[n++] = y.at(series.y().get(i));
        }
      }
      chart.path("line stroke-" + s % COLOURS, java.util.Arrays.copyOf(xy, n));
    }
    chart.end();
  }

  private static double[] all(List<Section.Series> series, boolean horizontal) {
    Stream<Double> values = series.stream().flatMap(s -> (horizontal ? s.x() : s.y()).stream());
    return values.mapToDouble(Double::doubleValue).toArray();
  }

  /** Bars of counts on a logarithmic axis of divergence. */
  static void histogram(Markup out, Histogram histogram, double mean, double median) {
    double height = 230;
    double bottom = height - 40;
    List<Integer> counts = histogram.counts();
    int first = 0;
    int last = counts.size() - 1;
    while (first < last && counts.get(first) == 0) {
      first++;
    }
    while (last > first && counts.get(last) == 0) {
      last--;
    }
    double start = histogram.firstExponent() + first * histogram.step();
    double end = histogram.firstExponent() + (last + 1) * histogram.step();
    Scale x = new Scale(Math.pow(10, start), Math.pow(10, end), LEFT, RIGHT, true);
    Scale y = Scale.linear(counts.stream().mapToDouble(Integer::doubleValue).toArray(), bottom, 22);
    Chart chart = new Chart(out, WIDTH, height, "Distribution of the KL divergence over positions");
    chart.verticalAxis(y, 4, LEFT, RIGHT).horizontalAxis(x, 8, bottom);
    chart.text("axis-label", (LEFT + RIGHT) / 2, height - 4, "middle", "KL divergence in nats");
    chart.text("axis-label", LEFT, 10, "start", "positions");
    for (int i = first; i <= last; i++) {
      double low = Math.pow(10, histogram.firstExponent() + i * histogram.step());
      double high = low * Math.pow(10, histogram.step());
      double at = y.at(counts.get(i));
      chart.box(
          "fill-0",
          x.at(low),
          at,
          x.at(high) - x.at(low) - 1,
          bottom - at,
          String.format(Locale.ROOT, "%.1e to %.1e: %d positions", low, high, counts.get(i)));
    }
    marker(chart, x, mean, bottom, "mean", 20);
    marker(chart, x, median, bottom, "median", 34);
    chart.end();
  }

  private static void marker(
      Chart chart, Scale x, double value, double bottom, String name, double y) {
    if (value > x.low() && value < x.high()) {
      chart.line("marker", x.at(value), y - 8, x.at(value), bottom);
      chart.text("marker-text", x.at(value) + 5, y, "start", name);
    }
  }
}
