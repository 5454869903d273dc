package dev.nibble.pipeline.report;

import dev.nibble.compress.block.PlannedTensor;
import dev.nibble.compress.block.SolvedSite;
import dev.nibble.compress.block.StepEvent;
import dev.nibble.compress.calibrate.ExpertCoverage;
import dev.nibble.core.model.TensorNames;
import dev.nibble.eval.divergence.DivergenceResult;
import dev.nibble.eval.report.Report;
import dev.nibble.eval.report.ReportWriter;
import dev.nibble.eval.report.Section;
import dev.nibble.pipeline.journal.SourceFile;
import dev.nibble.pipeline.plan.Plan;
import dev.nibble.pipeline.provenance.Provenance;
import dev.nibble.pipeline.provenance.RunLog;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The report page of a quantization, {@value #NAME} in the artefact's folder. */
public final class QuantizationReport {
  /** File name; the same content as JSON lies beside it. */
  public static final String NAME = "report.html";

  private final Plan plan;
  private final Provenance provenance;
  private final RunLog log;
  private final Optional<DivergenceResult> distance;

  /**
   * @param distance the comparison with the original in full, if one was made
   */
  public QuantizationReport(
      Plan plan, Provenance provenance, RunLog log, Optional<DivergenceResult> distance) {
    this.plan = plan;
    this.provenance = provenance;
    this.log = log;
    this.distance = distance;
  }

  /** Writes page and JSON into {@code folder}. */
  public void write(Path folder, long fileBytes) {
    List<Section> sections = new ArrayList<>();
    sections.add(Headlines.of(provenance, log, fileBytes));
    sections.add(new Section.Sites(sites()));
    sections.addAll(AllocationSections.of(provenance.allocations()));
    sections.add(new Section.Sizes(sizes()));
    distance.ifPresent(d -> sections.add(new Section.Distance(d)));
    Map<String, String> coverage = coverage();
    if (!coverage.isEmpty()) {
      sections.add(new Section.Facts("experts", "Calibration tokens of experts", coverage));
    }
    sections.add(
        new Section.EventLog(
            provenance.events().stream()
                .map(e -> new Section.EventRow(e.kind(), e.site(), e.what()))
                .toList()));
    sections.add(new Section.Listing("recipe", "Recipe", provenance.identity().recipe().toYaml()));
    sections.add(new Section.Facts("provenance", "Provenance", facts()));
    String title = provenance.source() + " · " + provenance.identity().recipe().name();
    String subtitle =
        "Nibble " + provenance.identity().nibble() + " · " + provenance.identity().processor();
    ReportWriter.write(folder.resolve(NAME), new Report(title, subtitle, sections));
  }

  /** What the experts of each layer saw, and how many of them too little. */
  private Map<String, String> coverage() {
    Map<String, String> out = new LinkedHashMap<>();
    for (StepEvent event : provenance.events()) {
      if (event.kind().equals(ExpertCoverage.EVENT)) {
        out.put(event.site(), event.what());
      }
    }
    for (Map.Entry<String, String> layer : out.entrySet()) {
      long few =
          provenance.events().stream()
              .filter(e -> e.kind().equals(ExpertCoverage.FEW))
              .filter(e -> e.site().startsWith(layer.getKey() + "."))
              .map(e -> ExpertCoverage.module(e.site()))
              .distinct()
              .count();
      if (few > 0) {
        layer.setValue(layer.getValue() + "; " + few + " were shown all tokens");
      }
    }
    return out;
  }

  private List<Section.SiteRow> sites() {
    Map<String, PlannedTensor> planned = plan.byName();
    List<Section.SiteRow> rows = new ArrayList<>();
    for (SolvedSite solved : provenance.solved()) {
      PlannedTensor tensor = planned.get(TensorNames.weight(solved.site()));
      if (tensor != null) {
        rows.add(
            new Section.SiteRow(
                solved.site(),
                solved.spec(),
                solved.relativeError(),
                solved.rtnRelativeError(),
                8.0 * tensor.bytes() / tensor.elements(),
                tensor.bytes()));
      }
    }
    return rows;
  }

  /** Bytes by part of the network; the original's are spread over its weights evenly. */
  private List<Section.SizePart> sizes() {
    double before = (double) provenance.sourceBytes() / provenance.elements();
    Map<String, long[]> parts = new LinkedHashMap<>();
    for (String part : List.of("embedding", "attention", "mlp", "head", "norms and biases")) {
      parts.put(part, new long[2]);
    }
    for (PlannedTensor tensor : plan.tensors()) {
      long[] sums = parts.get(part(tensor));
      sums[0] += Math.round(before * tensor.elements());
      sums[1] += tensor.bytes();
    }
    List<Section.SizePart> out = new ArrayList<>();
    parts.forEach(
        (name, sums) -> {
          if (sums[1] > 0) {
            out.add(new Section.SizePart(name, sums[0], sums[1]));
          }
        });
    return out;
  }

  private static String part(PlannedTensor tensor) {
    if (tensor.shape().length < 2) {
      return "norms and biases";
    }
    String name = tensor.name();
    if (name.contains("." + TensorNames.ATTENTION + ".")) {
      return "attention";
    }
    if (name.contains(".mlp.")) {
      return "mlp";
    }
    return name.startsWith(TensorNames.HEAD) ? "head" : "embedding";
  }

  private Map<String, String> facts() {
    Map<String, String> out = new LinkedHashMap<>();
    out.put("Fingerprint", provenance.identity().fingerprint());
    out.put("Weights", String.format(java.util.Locale.ROOT, "%,d", provenance.elements()));
    out.put("Calibration tokens", Long.toString(provenance.calibrationTokens()));
    if (!provenance.identity().calibration().isEmpty()) {
      out.put("Calibration hash", provenance.identity().calibration());
    }
    out.put("Seed", Long.toString(provenance.identity().recipe().seed()));
    out.put("Threads", Integer.toString(log.forecast().threads()));
    for (SourceFile file : provenance.identity().sources()) {
      out.put(file.name(), file.sha256());
    }
    return out;
  }
}
