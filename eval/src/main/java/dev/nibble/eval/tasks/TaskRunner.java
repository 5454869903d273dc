package dev.nibble.eval.tasks;

import dev.nibble.core.NibbleException;
import dev.nibble.core.model.LanguageModel;
import dev.nibble.core.progress.Progress;
import dev.nibble.eval.statistics.Estimate;
import dev.nibble.eval.statistics.Sample;
import dev.nibble.io.data.DataCatalog;
import dev.nibble.io.token.Tokenizer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Runs tasks on a model. */
public final class TaskRunner {
  private final DataCatalog data;
  private final TaskOptions options;
  private final Progress progress;

  /** A runner over the files of a data directory. */
  public TaskRunner(DataCatalog data, TaskOptions options, Progress progress) {
    this.data = data;
    this.options = options;
    this.progress = progress;
  }

  /**
   * Scores choices and continuations.
   *
   * @throws NibbleException if the task's data is missing or damaged, or its answers are written
   */
  public TaskResult run(TaskDefinition task, LanguageModel model, Tokenizer tokenizer) {
    if (task.kind() == TaskDefinition.Kind.GENERATE) {
      throw new NibbleException(task.name() + " needs a model that generates text");
    }
    TaskItems reader = new TaskItems(task, options);
    LikelihoodScorer scorer = new LikelihoodScorer(model, tokenizer, options.bos());
    Scores scores = new Scores(task);
    List<TaskItems.Item> items = reader.read(data);
    try (Progress.Task running = progress.start(task.name(), items.size(), "items")) {
      for (TaskItems.Item item : items) {
        scores.add(item.prompt(), scorer.score(item.requests()));
        running.advance(1);
      }
    }
    return scores.result(conditions(task, reader.shots()));
  }

  /**
   * Scores written answers.
   *
   * @throws NibbleException if the task's data is missing or damaged, or nothing is to be written
   */
  public TaskResult run(TaskDefinition task, TextGenerator generator) {
    if (task.kind() != TaskDefinition.Kind.GENERATE) {
      throw new NibbleException(task.name() + " needs a model's likelihoods");
    }
    TaskItems reader = new TaskItems(task, options);
    Scores scores = new Scores(task);
    List<TaskItems.Item> items = reader.read(data);
    try (Progress.Task running = progress.start(task.name(), items.size(), "items")) {
      for (TaskItems.Item item : items) {
        scores.add(
            item.prompt(), generator.generate(item.context(0), Gsm8k.STOPS, Gsm8k.MAX_TOKENS));
        running.advance(1);
      }
    }
    return scores.result(conditions(task, reader.shots()));
  }

  private String conditions(TaskDefinition task, int shots) {
    StringBuilder text = new StringBuilder(task.split()).append(", ").append(shots).append("-shot");
    if (options.limit() > 0) {
      text.append(", limited to ").append(options.limit());
    }
    if (options.bos()) {
      text.append(", with BOS");
    }
    if (shots > 0 && task.sampling() == TaskDefinition.Sampling.RANDOM) {
      text.append(", seed ").append(options.seed());
    }
    return text.toString();
  }

  /** Collects the scores of items. */
  private static final class Scores {
    private final TaskDefinition task;
    private final Map<Metric, List<Double>> values = new LinkedHashMap<>();
    private final Map<String, List<Double>> categories = new LinkedHashMap<>();
    private final List<Double> logProbs = new ArrayList<>();
    private final List<TaskResult.Outcome> outcomes = new ArrayList<>();

    Scores(TaskDefinition task) {
      this.task = task;
      task.metrics().forEach(m -> values.put(m, new ArrayList<>()));
    }

    void add(Prompt prompt, List<Likelihood> likelihoods) {
      if (likelihoods.stream().anyMatch(Likelihood::failed)) {
        outcomes.add(new TaskResult.Outcome(prompt.group(), -1, false, true));
        return;
      }
      for (Metric metric : task.metrics()) {
        values.get(metric).add(ChoiceScore.score(metric, prompt, likelihoods));
      }
      if (task.kind() == TaskDefinition.Kind.CLOZE) {
        logProbs.add(likelihoods.getFirst().logProb());
      }
      int chosen = ChoiceScore.chosen(task.metrics().getFirst(), prompt, likelihoods);
      addOutcome(prompt, chosen);
    }

    void add(Prompt prompt, String generated) {
      for (Metric metric : task.metrics()) {
        values.get(metric).add(Gsm8k.matches(metric, generated, prompt.answer(0)) ? 1.0 : 0.0);
      }
      addOutcome(prompt, -1);
    }

    private void addOutcome(Prompt prompt, int chosen) {
      double score = values.get(task.metrics().getFirst()).getLast();
      outcomes.add(new TaskResult.Outcome(prompt.group(), chosen, score > 0.5, false));
      String category = MmluSubjects.category(prompt.group());
      if (!category.isEmpty()) {
        categories.computeIfAbsent(category, c -> new ArrayList<>()).add(score);
      }
    }

    TaskResult result(String conditions) {
      List<TaskResult.Score> scores = new ArrayList<>();
      values.forEach((metric, list) -> scores.add(score(metric.text(), list)));
      if (!logProbs.isEmpty()) {
        scores.add(new TaskResult.Score("ppl", perplexity()));
      }
      categories.forEach(
          (name, list) -> scores.add(score(task.metrics().getFirst().text() + "/" + name, list)));
      return new TaskResult(task.name(), task.version(), conditions, scores, outcomes);
    }

    private static TaskResult.Score score(String name, List<Double> values) {
      return new TaskResult.Score(name, Estimate.mean(sample(values)));
    }

    private static Sample sample(List<Double> values) {
      return new Sample(values.stream().mapToDouble(Double::doubleValue).toArray());
    }

    private Estimate perplexity() {
      Sample sample = sample(logProbs);
      double value = Math.exp(-sample.mean());
      return new Estimate(value, value * sample.standardError());
    }
  }
}
