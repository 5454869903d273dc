package dev.nibble.pipeline.report;

import dev.nibble.compress.allocate.AllocationReport;
import dev.nibble.eval.report.Figures;
import dev.nibble.eval.report.Section;
import dev.nibble.eval.report.Unit;
import java.util.ArrayList;
import java.util.List;

/** What allocate steps decided, as tables and curves of a report. */
public final class AllocationSections {
  private static final int FEW = 1;

  private AllocationSections() {}

  /** Who got how much, and why. */
  public static Section.Table table(AllocationReport report) {
    List<List<String>> rows = new ArrayList<>();
    for (AllocationReport.Row row : report.rows()) {
      rows.add(
          List.of(
              row.unit(),
              Figures.text(row.score(), Unit.NUMBER),
              Integer.toString(row.rank()),
              row.level(),
              Figures.text(row.bitsPerWeight(), Unit.BITS),
              Figures.text((double) row.bytes(), Unit.BYTES)));
    }
    return new Section.Table(
        "allocation-" + report.step(),
        "Allocation by " + report.step(),
        "Asked for "
            + report.target()
            + ", gave "
            + Figures.text(report.bitsPerWeight(), Unit.BITS)
            + " stored bits for each weight it decided on.",
        List.of("unit", "score", "rank", "<stored as", "bits/weight", "bytes"),
        rows);
  }

  /** Tables of all steps, each followed by its frontier where it has one. */
  static List<Section> of(List<AllocationReport> reports) {
    List<Section> out = new ArrayList<>();
    for (AllocationReport report : reports) {
      out.add(table(report));
      if (report.frontier().size() > FEW) {
        out.add(frontier(report));
      }
    }
    return out;
  }

  private static Section.Curves frontier(AllocationReport report) {
    return new Section.Curves(
        "frontier-" + report.step(),
        "Predicted error against size",
        "MiB of the whole file",
        "predicted error, sum over the linears",
        List.of(
            new Section.Series(
                report.step(),
                report.frontier().stream().map(p -> p.bytes() / 1048576.0).toList(),
                report.frontier().stream().map(AllocationReport.Point::predictedError).toList())));
  }
}
