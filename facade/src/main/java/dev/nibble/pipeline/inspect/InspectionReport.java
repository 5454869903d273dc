package dev.nibble.pipeline.inspect;

import dev.nibble.eval.report.Measure;
import dev.nibble.eval.report.Report;
import dev.nibble.eval.report.ReportWriter;
import dev.nibble.eval.report.Section;
import dev.nibble.eval.report.Unit;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** An inspection as a page: types, and the distribution of each kind of weight over the layers. */
public final class InspectionReport {
  private InspectionReport() {}

  /** Writes page and JSON. */
  public static void write(Path html, String title, String subtitle, Inspection inspection) {
    List<Section> sections = new ArrayList<>();
    sections.add(headline(inspection));
    Map<String, List<Section.Series>> kinds = new LinkedHashMap<>();
    for (Inspection.Entry entry : inspection.tensors()) {
      if (entry.shape().size() == 2 && entry.distribution().isPresent()) {
        String kind = entry.name().replaceFirst("\\.\\d+\\.", ".N.");
        kinds
            .computeIfAbsent(kind, k -> new ArrayList<>())
            .add(series(entry.name(), entry.distribution().get()));
      }
    }
    kinds.forEach(
        (kind, series) ->
            sections.add(
                new Section.Curves(
                    kind,
                    "Values of " + kind,
                    "standard deviations from the mean",
                    "share",
                    series)));
    ReportWriter.write(html, new Report(title, subtitle, sections));
  }

  private static Section.Headline headline(Inspection inspection) {
    return new Section.Headline(
        List.of(
            Measure.of("bytes", "Tensors", Unit.BYTES).after((double) inspection.bytes()),
            Measure.of("elements", "Weights", Unit.COUNT).after((double) inspection.elements()),
            Measure.of("bits_per_weight", "Bits per weight", Unit.BITS)
                .after(8.0 * inspection.bytes() / inspection.elements())));
  }

  private static Section.Series series(String name, Distribution d) {
    long[] counts = d.counts();
    long total = 0;
    for (long c : counts) {
      total += c;
    }
    List<Double> x = new ArrayList<>();
    List<Double> y = new ArrayList<>();
    double width = 2 * Distribution.SPAN / Distribution.BINS;
    for (int i = 0; i < counts.length; i++) {
      x.add(-Distribution.SPAN + (i + 0.5) * width);
      y.add((double) counts[i] / Math.max(1, total));
    }
    return new Section.Series(name, x, y);
  }
}
