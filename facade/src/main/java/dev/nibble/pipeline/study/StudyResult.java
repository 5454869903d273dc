package dev.nibble.pipeline.study;

import dev.nibble.pipeline.compare.Sweep;
import dev.nibble.pipeline.provenance.Fidelity;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a study found.
 *
 * @param study the question
 * @param datasets data ids, the first ranks
 * @param rows every entry on every model
 */
public record StudyResult(Study study, List<String> datasets, List<Row> rows) {
  /** Copies the lists. */
  public StudyResult {
    datasets = List.copyOf(datasets);
    rows = List.copyOf(rows);
  }

  /**
   * An entry on a model.
   *
   * @param entry what ran
   * @param cell the artefact, or why there is none
   * @param measured how close to the original it is, by data set
   */
  public record Row(StudyEntry entry, Sweep.Cell cell, Map<String, Fidelity> measured) {
    /** Copies the map, keeping its order. */
    public Row {
      measured = Collections.unmodifiableMap(new LinkedHashMap<>(measured));
    }

    /** Mean divergence on a data set; NaN when it was not measured. */
    public double kld(String dataset) {
      Fidelity found = measured.get(dataset);
      return found == null ? Double.NaN : found.kld().value();
    }
  }

  /** Names of the models, in order. */
  public List<String> models() {
    return rows.stream().map(row -> row.cell().model()).distinct().toList();
  }

  /** Rows of a model, in order. */
  public List<Row> of(String model) {
    return rows.stream().filter(row -> row.cell().model().equals(model)).toList();
  }

  /** The row of an entry on a model. */
  Optional<Row> find(String model, String id) {
    return of(model).stream().filter(row -> row.entry().id().equals(id)).findFirst();
  }

  /** A claim as it turned out on a model. */
  record Verdict(Claim claim, String model, Map<String, Row> rows, boolean holds) {
    /** Divergences by the claim's own names; a result that failed is infinitely far. */
    static Map<String, Double> figures(Map<String, Row> rows, String dataset) {
      Map<String, Double> out = new HashMap<>();
      rows.forEach(
          (name, row) -> {
            double kld = row.kld(dataset);
            out.put(name, Double.isFinite(kld) ? kld : Double.POSITIVE_INFINITY);
          });
      return out;
    }
  }

  /** All claims on a model, in order. */
  List<Verdict> verdicts(String model) {
    return study.claims().stream()
        .map(
            claim -> {
              Map<String, Row> found = new LinkedHashMap<>();
              claim
                  .entries()
                  .forEach((name, id) -> find(model, id).ifPresent(row -> found.put(name, row)));
              Map<String, Double> figures = Verdict.figures(found, datasets.getFirst());
              return new Verdict(claim, model, found, claim.expectation().holds(figures));
            })
        .toList();
  }
}
