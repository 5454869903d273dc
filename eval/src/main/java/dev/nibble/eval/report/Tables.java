package dev.nibble.eval.report;

import dev.nibble.eval.statistics.Estimate;

/** The sections that are tables by nature, for terminals and Markdown. */
public final class Tables {
  private Tables() {}

  /** Figures before and after, with forecasts and notes where there are any. */
  public static TextTable headline(Section.Headline section) {
    TextTable table = new TextTable("", "before", "after", "forecast", "note").left(4);
    for (Measure m : section.rows()) {
      table.row(
          m.name(),
          Figures.text(m.before(), m.unit()),
          Figures.withError(m.after(), m.error(), m.unit()),
          Figures.text(m.forecast(), m.unit()),
          m.note());
    }
    return table;
  }

  /** Task scores. */
  public static TextTable tasks(Section.Tasks section) {
    TextTable table =
        new TextTable("task", "metric", "before", "after", "flips", "p", "items", "conditions")
            .left(1)
            .left(7);
    for (Section.TaskRow r : section.rows()) {
      table.row(
          r.task(),
          r.metric(),
          score(r.before(), r.metric()),
          score(r.after(), r.metric()),
          Figures.text(r.flips(), Unit.SHARE),
          Figures.text(r.pValue(), Unit.NUMBER),
          Figures.text((double) r.items(), Unit.COUNT),
          r.conditions());
    }
    return table;
  }

  /** Shares are per cent, perplexities plain numbers. */
  static String score(Estimate estimate, String metric) {
    if (estimate == null) {
      return "";
    }
    Unit unit = metric.startsWith("ppl") ? Unit.PERPLEXITY : Unit.SHARE;
    return Figures.withError(estimate.value(), estimate.standardError(), unit);
  }

  /** Any table. */
  public static TextTable table(Section.Table section) {
    TextTable table =
        new TextTable(
            section.heads().stream().map(h -> h.replaceFirst("^<", "")).toArray(String[]::new));
    for (int c = 1; c < section.heads().size(); c++) {
      if (section.heads().get(c).startsWith("<")) {
        table.left(c);
      }
    }
    section.rows().forEach(row -> table.row(row.toArray(String[]::new)));
    return table;
  }

  /** Results of a comparison. */
  public static TextTable frontier(Section.Frontier section) {
    TextTable table =
        new TextTable(
            "recipe", "size", "bits/weight", "KL divergence", "same top token", "ppl", "time");
    for (Section.Point p : section.points()) {
      table.row(
          p.label(),
          Figures.text((double) p.bytes(), Unit.BYTES),
          Figures.text(p.bitsPerWeight(), Unit.BITS),
          Figures.withError(p.kld(), p.kldError(), Unit.NATS),
          Figures.text(p.top1(), Unit.SHARE),
          Figures.text(p.perplexity(), Unit.PERPLEXITY),
          Figures.text(p.seconds(), Unit.SECONDS));
    }
    return table;
  }
}
