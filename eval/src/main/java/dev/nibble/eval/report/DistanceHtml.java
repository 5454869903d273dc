package dev.nibble.eval.report;

import dev.nibble.eval.divergence.DivergenceResult;
import dev.nibble.eval.divergence.Percentiles;
import dev.nibble.eval.statistics.Estimate;

/** The section on the distance to the original. */
final class DistanceHtml {
  private final Markup out;

  DistanceHtml(Markup out) {
    this.out = out;
  }

  void render(DivergenceResult r) {
    HtmlReport.open(
        out,
        "distance",
        "Distance to the original",
        "Both models read the same text and predict each next token; the divergence says how much"
            + " the predictions differ. "
            + r.conditions()
            + ", "
            + r.positions()
            + " positions"
            + (r.errors() == 0 ? "." : ", and " + r.errors() + " that were not finite."));
    Charts.histogram(out, r.histogram(), r.kld().value(), r.kldPercentiles().p50());
    percentiles(r);
    figures(r);
    out.close().line();
  }

  private void percentiles(DivergenceResult r) {
    HtmlTable table =
        new HtmlTable(
            out, "percentile", "1", "5", "10", "25", "50", "75", "90", "95", "99", "99.9", "max");
    row(table, "KL divergence", r.kldPercentiles(), 1, r.kldMax());
    row(table, "Δ probability of the true token, %", r.deltaPPercentiles(), 100, Double.NaN);
    table.end();
  }

  private static void row(HtmlTable table, String name, Percentiles p, double factor, double max) {
    table.row().name(name);
    double[] values = {
      p.p1(), p.p5(), p.p10(), p.p25(), p.p50(), p.p75(), p.p90(), p.p95(), p.p99(), p.p999(), max
    };
    for (double value : values) {
      table.number(Figures.text(factor * value, Unit.NUMBER), "dense");
    }
    table.endRow();
  }

  private void figures(DivergenceResult r) {
    HtmlTable table = new HtmlTable(out, "", "value", "95 % interval ±");
    row(table, "Mean KL divergence", r.kld(), Unit.NATS);
    row(table, "Same most likely token", r.top1(), Unit.SHARE);
    row(table, "Overlap of the five most likely", r.top5(), Unit.SHARE);
    row(table, "Mean Δ probability of the true token", r.deltaP(), Unit.SHARE);
    row(table, "Root mean square of it", new Estimate(r.deltaPRms(), Double.NaN), Unit.SHARE);
    row(table, "ln(perplexity after / before), paired", r.lnPplRatio(), Unit.NATS);
    row(table, "Perplexity before", r.perplexityBase(), Unit.PERPLEXITY);
    row(table, "Perplexity after", r.perplexityQuantized(), Unit.PERPLEXITY);
    table.end();
  }

  private static void row(HtmlTable table, String name, Estimate e, Unit unit) {
    table.row().name(name).number(Figures.text(e.value(), unit));
    table.number(Figures.text(e.halfWidth95(), unit)).endRow();
  }
}
