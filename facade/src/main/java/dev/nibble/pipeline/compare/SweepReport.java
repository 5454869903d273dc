package dev.nibble.pipeline.compare;

import dev.nibble.QuantizationResult;
import dev.nibble.eval.report.Figures;
import dev.nibble.eval.report.Report;
import dev.nibble.eval.report.ReportWriter;
import dev.nibble.eval.report.Section;
import dev.nibble.eval.report.TextTable;
import dev.nibble.eval.report.Unit;
import dev.nibble.pipeline.provenance.Fidelity;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** A finished sweep as a table and as a page with the size–quality frontier. */
public final class SweepReport {
  private final List<Sweep.Cell> cells;

  /** For all cells of a sweep, failed ones included. */
  public SweepReport(List<Sweep.Cell> cells) {
    this.cells = List.copyOf(cells);
  }

  /** One row per cell. */
  public TextTable table() {
    boolean encoders = encoders();
    List<String> heads = new ArrayList<>(List.of("recipe", "bits/weight", "size"));
    heads.addAll(
        encoders
            ? List.of("cosine", "smallest", "same nearest", "same 10", "KL divergence")
            : List.of("KL divergence", "same top token", "perplexity", "original"));
    heads.add("time");
    TextTable table = new TextTable(heads.toArray(String[]::new)).left(0);
    boolean several = cells.stream().map(Sweep.Cell::model).distinct().count() > 1;
    for (Sweep.Cell cell : cells) {
      List<String> row = new ArrayList<>();
      row.add(several ? cell.model() + " · " + cell.recipe() : cell.recipe());
      cell.result().ifPresent(r -> row.addAll(figures(r, encoders)));
      while (row.size() < heads.size()) {
        row.add("");
      }
      table.row(row.toArray(String[]::new));
    }
    return table;
  }

  /** True when the models are encoders, which have other figures. */
  private boolean encoders() {
    return cells.stream()
        .flatMap(c -> c.result().stream())
        .flatMap(r -> r.log().fidelity().stream())
        .anyMatch(f -> f.vectors().isPresent());
  }

  private static List<String> figures(QuantizationResult r, boolean encoders) {
    Fidelity f = r.log().fidelity().orElseThrow();
    List<String> out = new ArrayList<>();
    out.add(Figures.text(r.provenance().bitsPerWeight(), Unit.BITS));
    out.add(Figures.text((double) r.provenance().fileBytes(), Unit.BYTES));
    String kld = Figures.withError(f.kld().value(), f.kld().standardError(), Unit.NATS);
    if (!encoders) {
      out.add(kld);
      out.add(Figures.text(f.top1().value(), Unit.SHARE));
      out.add(Figures.text(f.perplexityAfter().value(), Unit.PERPLEXITY));
      out.add(Figures.text(f.perplexityBefore().value(), Unit.PERPLEXITY));
    } else if (f.vectors().isPresent()) {
      Fidelity.Vectors v = f.vectors().get();
      out.add(Figures.withError(v.cosine().value(), v.cosine().standardError(), Unit.NUMBER));
      out.add(Figures.text(v.cosineMin(), Unit.NUMBER));
      out.add(Figures.text(v.nearest().value(), Unit.SHARE));
      out.add(Figures.text(v.neighbours().value(), Unit.SHARE));
      out.add(kld);
    } else {
      out.addAll(List.of("", "", "", "", kld));
    }
    out.add(Figures.text(r.log().seconds(), Unit.SECONDS));
    return out;
  }

  /** Under which conditions the divergences were measured; one line, or several that differ. */
  public Set<String> conditions() {
    Set<String> out = new LinkedHashSet<>();
    cells.forEach(
        c ->
            c.result()
                .flatMap(r -> r.log().fidelity())
                .ifPresent(f -> out.add(f.conditions() + ", " + f.positions() + " positions")));
    return out;
  }

  /** Writes page and JSON. */
  public void write(Path html, String title, String subtitle) {
    ReportWriter.write(
        html, new Report(title, subtitle, List.of(frontier(), conditionsAndProblems())));
  }

  /** Size against quality of what could be made; of encoders the table of their figures. */
  public Section frontier() {
    if (encoders()) {
      return new Section.Listing("encoders", "Encoders beside their original", table().toText());
    }
    List<Section.Point> points = new ArrayList<>();
    for (Sweep.Cell cell : cells) {
      cell.result().ifPresent(r -> points.add(point(cell, r)));
    }
    return new Section.Frontier(points);
  }

  /** How it was measured, and what could not be made for which reason. */
  public Section.Facts conditionsAndProblems() {
    Map<String, String> facts = new LinkedHashMap<>();
    facts.put("Measured", String.join("; ", conditions()));
    cells.stream()
        .filter(c -> !c.problem().isEmpty())
        .forEach(c -> facts.put(c.model() + " · " + c.recipe(), c.problem()));
    return new Section.Facts("conditions", "Conditions", facts);
  }

  private static Section.Point point(Sweep.Cell cell, QuantizationResult r) {
    Fidelity f = r.log().fidelity().orElseThrow();
    return new Section.Point(
        cell.recipe(),
        cell.recipe().replaceFirst("-w\\d.*$", ""),
        r.provenance().bitsPerWeight(),
        r.provenance().fileBytes(),
        f.kld().value(),
        f.kld().standardError(),
        f.top1().value(),
        f.perplexityAfter().value(),
        r.log().seconds());
  }
}
