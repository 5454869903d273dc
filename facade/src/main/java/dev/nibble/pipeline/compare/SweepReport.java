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
    boolean several = cells.stream().map(Sweep.Cell::model).distinct().count() > 1;
    TextTable table =
        new TextTable(
                "recipe",
                "bits/weight",
                "size",
                "KL divergence",
                "same top token",
                "perplexity",
                "original",
                "time")
            .left(0);
    for (Sweep.Cell cell : cells) {
      String label = several ? cell.model() + " · " + cell.recipe() : cell.recipe();
      if (cell.result().isEmpty()) {
        table.row(label, "", "", "", "", "", "", "");
        continue;
      }
      QuantizationResult r = cell.result().get();
      Fidelity f = r.log().fidelity().orElseThrow();
      table.row(
          label,
          Figures.text(r.provenance().bitsPerWeight(), Unit.BITS),
          Figures.text((double) r.provenance().fileBytes(), Unit.BYTES),
          Figures.withError(f.kld().value(), f.kld().standardError(), Unit.NATS),
          Figures.text(f.top1().value(), Unit.SHARE),
          Figures.text(f.perplexityAfter().value(), Unit.PERPLEXITY),
          Figures.text(f.perplexityBefore().value(), Unit.PERPLEXITY),
          Figures.text(r.log().seconds(), Unit.SECONDS));
    }
    return table;
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

  /** Size against quality of what could be made. */
  public Section.Frontier frontier() {
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
