package dev.nibble.eval.report;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;

/** The page of a report. */
final class HtmlReport {
  private final Markup out = new Markup();

  private HtmlReport() {}

  /** The whole document: HTML that is also well-formed XML. */
  static String render(Report report) {
    HtmlReport page = new HtmlReport();
    page.document(report);
    return "<!DOCTYPE html>\n" + page.out;
  }

  private void document(Report report) {
    out.open("html", "xmlns", "http://www.w3.org/1999/xhtml", "lang", "en").open("head").line();
    out.empty("meta", "charset", "utf-8").line();
    out.empty("meta", "name", "viewport", "content", "width=device-width, initial-scale=1").line();
    out.empty("meta", "name", "generator", "content", "Nibble").line();
    out.element("title", report.title()).line().style(css()).close().line();
    out.open("body").open("main").line();
    out.element("h1", report.title()).element("p", report.subtitle(), "class", "subtitle").line();
    report.sections().forEach(this::section);
    out.open("footer");
    out.text(
        "Made by Nibble. The same content for programs is in the .json file beside this page.");
    out.close().close().close().close().line();
  }

  private static String css() {
    try (InputStream in = HtmlReport.class.getResourceAsStream("report.css")) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void section(Section section) {
    switch (section) {
      case Section.Headline s -> headline(s);
      case Section.Sites s -> sites(s);
      case Section.Sizes s -> sizes(s);
      case Section.Distance s -> new DistanceHtml(out).render(s.result());
      case Section.Tasks s -> tasks(s);
      case Section.Frontier s -> frontier(s);
      case Section.Curves s -> curves(s);
      case Section.Table s -> table(s);
      case Section.EventLog s -> events(s);
      case Section.Listing s -> listing(s);
      case Section.Facts s -> facts(s);
    }
  }

  /** Opens a section with its heading and an explanation. */
  static void open(Markup out, String key, String heading, String lead) {
    out.open("section", "id", key.replaceAll("[^A-Za-z0-9_-]", "-")).element("h2", heading);
    if (!lead.isEmpty()) {
      out.element("p", lead, "class", "lead");
    }
    out.line();
  }

  private void headline(Section.Headline s) {
    out.open("div", "class", "cards").line();
    s.rows().stream().filter(m -> !Double.isNaN(m.after())).limit(6).forEach(this::card);
    out.close().line();
    open(out, s.key(), "At a glance", "");
    HtmlTable table = new HtmlTable(out, "", "before", "after", "forecast", "<note");
    for (Measure m : s.rows()) {
      table.row().name(m.name());
      table.number(Figures.text(m.before(), m.unit()));
      table.number(Figures.withError(m.after(), m.error(), m.unit()));
      table.number(Figures.text(m.forecast(), m.unit())).note(m.note()).endRow();
    }
    table.end();
    out.close().line();
  }

  private void card(Measure m) {
    out.open("div", "class", "card").element("div", m.name(), "class", "name");
    out.element("div", Figures.text(m.after(), m.unit()), "class", "big");
    String before = Figures.text(m.before(), m.unit());
    String was =
        before.isEmpty()
            ? error(m)
            : "was " + before + (m.unit() == Unit.BYTES ? times(m.before() / m.after()) : "");
    out.element("div", was, "class", "was").close().line();
  }

  private static String error(Measure m) {
    String error = Figures.text(m.error(), m.unit());
    return error.isEmpty() ? "" : "± " + error;
  }

  private static String times(double ratio) {
    return Double.isFinite(ratio) && ratio > 0
        ? ", " + Figures.significant(ratio, 3) + "× smaller"
        : "";
  }

  private void sites(Section.Sites s) {
    SiteGrid grid = new SiteGrid(s.rows());
    open(
        out,
        s.key(),
        "Error by layer",
        "Squared error of each layer's output relative to the output itself, in decibels: −20 dB is"
            + " one per cent. Lower is better. Dots: this recipe; rings: plain rounding to the same"
            + " format.");
    if (!grid.kinds().isEmpty()) {
      SiteCharts.errors(out, grid);
    }
    out.open("details").element("summary", "All " + s.rows().size() + " sites").line();
    HtmlTable table =
        new HtmlTable(out, "site", "<stored as", "error", "rounding", "bits/weight", "bytes");
    for (Section.SiteRow r : s.rows()) {
      table.row().name(r.site()).code(r.spec());
      table.number(SiteCharts.decibels(r.relativeError()), style(r));
      table.number(SiteCharts.decibels(r.rtnRelativeError()));
      table.number(Figures.text(r.bitsPerWeight(), Unit.BITS));
      table.number(Figures.text((double) r.bytes(), Unit.BYTES)).endRow();
    }
    table.end();
    out.close().close().line();
    if (!grid.kinds().isEmpty()) {
      open(out, "bits", "Bit map", "Bits per weight as stored, scales and padding included.");
      SiteCharts.bits(out, grid);
      out.close().line();
    }
  }

  private static String style(Section.SiteRow r) {
    return r.relativeError() < r.rtnRelativeError()
        ? "better"
        : r.relativeError() > r.rtnRelativeError() ? "worse" : "";
  }

  private void sizes(Section.Sizes s) {
    open(out, s.key(), "Where the bytes are", "");
    Charts.sizes(out, s.parts());
    HtmlTable table = new HtmlTable(out, "", "before", "after", "ratio");
    for (int i = 0; i < s.parts().size(); i++) {
      Section.SizePart p = s.parts().get(i);
      table.row();
      out.open("td", "class", "name");
      swatch(i);
      out.text(p.name()).close();
      table.number(Figures.text((double) p.before(), Unit.BYTES));
      table.number(Figures.text((double) p.after(), Unit.BYTES));
      table.number(
          p.before() > 0 && p.after() > 0
              ? Figures.significant((double) p.before() / p.after(), 3) + "×"
              : "");
      table.endRow();
    }
    table.end();
    out.close().line();
  }

  private void swatch(int index) {
    out.element("span", "", "class", "swatch fill-" + index % Charts.COLOURS);
  }

  private void legend(List<String> names) {
    out.open("ul", "class", "legend");
    for (int i = 0; i < names.size(); i++) {
      out.open("li");
      swatch(i);
      out.text(names.get(i)).close();
    }
    out.close().line();
  }

  private void tasks(Section.Tasks s) {
    open(
        out,
        s.key(),
        "Tasks",
        "Score ± standard error. Flips: items whose answer changed from the original's, even where"
            + " the score did not. p: McNemar's test that neither model is better.");
    HtmlTable table =
        new HtmlTable(
            out, "task", "<metric", "before", "after", "flips", "p", "items", "<conditions");
    for (Section.TaskRow r : s.rows()) {
      table.row().name(r.task()).note(r.metric());
      table.number(Tables.score(r.before(), r.metric()));
      table.number(Tables.score(r.after(), r.metric()));
      table.number(Figures.text(r.flips(), Unit.SHARE));
      table.number(Figures.text(r.pValue(), Unit.NUMBER));
      table.number(Figures.text((double) r.items(), Unit.COUNT)).note(r.conditions()).endRow();
    }
    table.end();
    out.close().line();
  }

  private void frontier(Section.Frontier s) {
    open(
        out,
        s.key(),
        "Size and quality",
        "Each dot is one result; bars are 95 % confidence intervals. No other result is both smaller"
            + " and closer to the original than those on the dashed line.");
    Charts.frontier(out, s.points());
    legend(Charts.groups(s.points()));
    HtmlTable table =
        new HtmlTable(
            out,
            "recipe",
            "size",
            "bits/weight",
            "KL divergence",
            "same top token",
            "perplexity",
            "time");
    for (Section.Point p : s.points()) {
      table.row().name(p.label()).number(Figures.text((double) p.bytes(), Unit.BYTES));
      table.number(Figures.text(p.bitsPerWeight(), Unit.BITS));
      table.number(Figures.withError(p.kld(), p.kldError(), Unit.NATS));
      table.number(Figures.text(p.top1(), Unit.SHARE));
      table.number(Figures.text(p.perplexity(), Unit.PERPLEXITY));
      table.number(Figures.text(p.seconds(), Unit.SECONDS)).endRow();
    }
    table.end();
    out.close().line();
  }

  private void curves(Section.Curves s) {
    open(out, s.key(), s.heading(), "");
    Charts.curves(out, s);
    legend(s.series().stream().map(Section.Series::name).toList());
    out.close().line();
  }

  private void table(Section.Table s) {
    open(out, s.key(), s.heading(), s.lead());
    HtmlTable table = new HtmlTable(out, s.heads().toArray(String[]::new));
    for (List<String> cells : s.rows()) {
      table.row().name(cells.getFirst());
      for (int c = 1; c < cells.size(); c++) {
        if (s.heads().get(c).startsWith("<")) {
          table.code(cells.get(c));
        } else {
          table.number(cells.get(c));
        }
      }
      table.endRow();
    }
    table.end();
    out.close().line();
  }

  private void events(Section.EventLog s) {
    open(out, s.key(), "Events", s.rows().isEmpty() ? "Nothing out of the ordinary." : "");
    if (!s.rows().isEmpty()) {
      HtmlTable table = new HtmlTable(out, "kind", "<site", "<what");
      for (Section.EventRow r : s.rows()) {
        table.row().name(r.kind()).code(r.site()).note(r.what()).endRow();
      }
      table.end();
    }
    out.close().line();
  }

  private void listing(Section.Listing s) {
    open(out, s.key(), s.heading(), "");
    out.element("pre", s.text()).close().line();
  }

  private void facts(Section.Facts s) {
    open(out, s.key(), s.heading(), "");
    out.open("dl");
    for (Map.Entry<String, String> fact : s.values().entrySet()) {
      out.element("dt", fact.getKey()).element("dd", fact.getValue()).line();
    }
    out.close().close().line();
  }
}
