package dev.nibble.pipeline.report;

import dev.nibble.compress.train.TrainingCurve;
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

/** The report page of a training: loss, learning rate and held-out figures over the steps. */
public final class TrainingReport {
  /** Steps whose losses are averaged into one point of the curve. */
  private static final int SMOOTH = 10;

  private TrainingReport() {}

  /**
   * Writes {@value QuantizationReport#NAME} and its JSON into the model's folder.
   *
   * @return the page
   */
  public static Path write(Path folder, String name, String version, TrainingCurve curve) {
    List<Section> sections = new ArrayList<>();
    List<Measure> rows = new ArrayList<>();
    if (!curve.evaluations().isEmpty()) {
      curve
          .evaluations()
          .getLast()
          .bitsPerCharacter()
          .forEach(
              (source, bits) ->
                  rows.add(
                      Measure.of(source, source, Unit.BITS)
                          .after(bits)
                          .note("bits per character, held-out text")));
    }
    sections.add(new Section.Headline(rows));
    sections.add(
        new Section.Curves(
            "loss", "Training loss", "step", "nats per token", List.of(loss(curve))));
    sections.add(
        new Section.Curves(
            "held_out", "Held-out text", "step", "bits per character", heldOut(curve)));
    Path page = folder.resolve(QuantizationReport.NAME);
    ReportWriter.write(page, new Report(name + " · training", "Nibble " + version, sections));
    return page;
  }

  private static Section.Series loss(TrainingCurve curve) {
    List<Double> x = new ArrayList<>();
    List<Double> y = new ArrayList<>();
    List<TrainingCurve.Point> steps = curve.steps();
    for (int from = 0; from < steps.size(); from += SMOOTH) {
      List<TrainingCurve.Point> part = steps.subList(from, Math.min(steps.size(), from + SMOOTH));
      x.add((double) part.getLast().step());
      y.add(part.stream().mapToDouble(TrainingCurve.Point::loss).average().orElseThrow());
    }
    return new Section.Series("mean of " + SMOOTH + " steps", x, y);
  }

  private static List<Section.Series> heldOut(TrainingCurve curve) {
    Map<String, List<Double>> x = new LinkedHashMap<>();
    Map<String, List<Double>> y = new LinkedHashMap<>();
    for (TrainingCurve.Evaluation e : curve.evaluations()) {
      e.bitsPerCharacter()
          .forEach(
              (source, bits) -> {
                x.computeIfAbsent(source, s -> new ArrayList<>()).add((double) e.step());
                y.computeIfAbsent(source, s -> new ArrayList<>()).add(bits);
              });
    }
    List<Section.Series> out = new ArrayList<>();
    x.forEach((source, steps) -> out.add(new Section.Series(source, steps, y.get(source))));
    return out;
  }
}
