package dev.nibble.pipeline.study;

import dev.nibble.compress.recipe.Recipe;
import dev.nibble.core.NibbleException;
import dev.nibble.core.progress.Progress;
import dev.nibble.io.data.DataCatalog;
import dev.nibble.pipeline.compare.Sweep;
import dev.nibble.pipeline.evaluate.Compared;
import dev.nibble.pipeline.evaluate.EvaluationOptions;
import dev.nibble.pipeline.provenance.Fidelity;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Runs a study's recipes on models, every distinct recipe once for each model, and measures each
 * result on every data set. What is finished is taken as it is, so that an interrupted study
 * continues.
 *
 * @param study what to run
 * @param models directories or GGUF files
 * @param folder where artefacts and measurements go
 * @param evaluation how to measure; its data id is replaced by the study's data sets when it is the
 *     default
 * @param data where data ids lead
 * @param threads do not change results
 * @param cache folder for scores that another run can use, empty to keep none
 * @param progress told how far it is
 */
public record StudyRun(
    Study study,
    List<Path> models,
    Path folder,
    EvaluationOptions evaluation,
    DataCatalog data,
    int threads,
    Optional<Path> cache,
    Progress progress) {

  /** Copies the list. */
  public StudyRun {
    models = List.copyOf(models);
  }

  /** Runs what is left to do. */
  public StudyResult run() {
    Map<String, Recipe> distinct = new LinkedHashMap<>();
    study.entries().forEach(e -> distinct.putIfAbsent(e.recipe().canonical(), e.recipe()));
    List<String> datasets = datasets();
    EvaluationOptions first = on(datasets.getFirst());
    List<Sweep.Cell> cells =
        new Sweep(
                models,
                List.copyOf(distinct.values()),
                folder,
                first,
                data,
                threads,
                cache,
                progress)
            .run();
    List<StudyResult.Row> rows = new ArrayList<>();
    for (StudyEntry entry : study.entries()) {
      String made = distinct.get(entry.recipe().canonical()).name();
      for (int m = 0; m < models.size(); m++) {
        String model = Sweep.name(models.get(m));
        Sweep.Cell cell =
            cells.stream()
                .filter(c -> c.model().equals(model) && c.recipe().equals(made))
                .findFirst()
                .orElseThrow();
        rows.add(new StudyResult.Row(entry, cell, measured(models.get(m), cell, datasets)));
      }
    }
    return new StudyResult(study, datasets, rows);
  }

  private List<String> datasets() {
    boolean chosen = !evaluation.data().equals(EvaluationOptions.DEFAULT.data());
    return chosen ? List.of(evaluation.data()) : study.datasets();
  }

  private EvaluationOptions on(String dataset) {
    return new EvaluationOptions(dataset, evaluation.protocol())
        .keepingOriginals(folder.resolve(Sweep.ORIGINALS));
  }

  private Map<String, Fidelity> measured(Path model, Sweep.Cell cell, List<String> datasets) {
    Map<String, Fidelity> out = new LinkedHashMap<>();
    if (cell.result().isEmpty()) {
      return out;
    }
    Path artefact = cell.result().get().output();
    out.put(datasets.getFirst(), cell.result().get().log().fidelity().orElseThrow());
    for (String dataset : datasets.subList(1, datasets.size())) {
      Path kept =
          folder.resolve(
              "measured/"
                  + artefact.getFileName()
                  + "-"
                  + dataset.replaceAll("\\W+", "-")
                  + ".json");
      try {
        out.put(dataset, Fidelity.kept(kept, () -> measure(model, artefact, dataset)));
      } catch (NibbleException e) {
        if (e.exitCode() == NibbleException.RESOURCES) {
          throw e;
        }
        progress.note(dataset + ": " + e.getMessage());
      }
    }
    return out;
  }

  private Fidelity measure(Path model, Path artefact, String dataset) {
    return Compared.of(model, artefact, on(dataset), data, threads, progress).fidelity();
  }
}
