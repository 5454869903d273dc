package dev.nibble.pipeline.evaluate;

import dev.nibble.eval.divergence.DivergenceResult;
import dev.nibble.eval.perplexity.PerplexityResult;
import dev.nibble.eval.report.Measure;
import dev.nibble.eval.report.Section;
import dev.nibble.eval.tasks.TaskComparison;
import dev.nibble.eval.tasks.TaskResult;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What was measured of a model.
 *
 * @param perplexities one per protocol
 * @param basePerplexities of the original, in the same order; empty without an original
 * @param distance from the original
 * @param tasks scores
 * @param baseTasks the original's, in the same order; empty without an original
 * @param encoder what was measured of an encoder; empty for a language model
 */
public record EvaluationResult(
    List<PerplexityResult> perplexities,
    List<PerplexityResult> basePerplexities,
    Optional<DivergenceResult> distance,
    List<TaskResult> tasks,
    List<TaskResult> baseTasks,
    List<Measure> encoder) {

  /** An encoder's. */
  static EvaluationResult ofEncoder(List<Measure> rows) {
    return new EvaluationResult(List.of(), List.of(), Optional.empty(), List.of(), List.of(), rows);
  }

  /** Copies the lists. */
  public EvaluationResult {
    perplexities = List.copyOf(perplexities);
    basePerplexities = List.copyOf(basePerplexities);
    tasks = List.copyOf(tasks);
    baseTasks = List.copyOf(baseTasks);
    encoder = List.copyOf(encoder);
  }

  /** Perplexities, divergence and agreement. */
  public Section.Headline headline() {
    List<Measure> rows = new ArrayList<>(encoder);
    for (int i = 0; i < perplexities.size(); i++) {
      PerplexityResult base = basePerplexities.isEmpty() ? null : basePerplexities.get(i);
      rows.add(Measure.perplexity(base, perplexities.get(i)));
    }
    distance.ifPresent(
        d ->
            Measure.divergence(d).stream()
                .filter(m -> !m.key().equals("perplexity"))
                .forEach(rows::add));
    return new Section.Headline(rows);
  }

  /** Scores, with flips where there is an original. */
  public Section.Tasks taskTable() {
    List<Section.TaskRow> rows = new ArrayList<>();
    for (int i = 0; i < tasks.size(); i++) {
      TaskResult result = tasks.get(i);
      Optional<TaskResult> base =
          baseTasks.isEmpty() ? Optional.empty() : Optional.of(baseTasks.get(i));
      Optional<TaskComparison> flips = base.map(b -> TaskComparison.of(b, result));
      for (TaskResult.Score score : result.scores()) {
        rows.add(
            new Section.TaskRow(
                result.task() + " v" + result.version(),
                score.metric(),
                result.conditions(),
                result.items(),
                base.map(b -> b.score(score.metric())).orElse(null),
                score.value(),
                flips.map(f -> f.flips().value()).orElse(Double.NaN),
                flips.map(f -> f.test().pValue()).orElse(Double.NaN)));
      }
    }
    return new Section.Tasks(rows);
  }

  /** All of it, as sections of a report. */
  public List<Section> sections() {
    List<Section> out = new ArrayList<>();
    out.add(headline());
    if (!tasks.isEmpty()) {
      out.add(taskTable());
    }
    distance.ifPresent(d -> out.add(new Section.Distance(d)));
    return out;
  }
}
