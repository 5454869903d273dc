package dev.nibble.pipeline.evaluate;

import dev.nibble.core.model.LanguageModel;
import dev.nibble.core.progress.Progress;
import dev.nibble.core.work.Workers;
import dev.nibble.eval.divergence.DivergenceResult;
import dev.nibble.eval.encoding.SimilarityScore;
import dev.nibble.eval.perplexity.Document;
import dev.nibble.eval.perplexity.Perplexity;
import dev.nibble.eval.perplexity.PerplexityResult;
import dev.nibble.eval.perplexity.Protocol;
import dev.nibble.eval.tasks.TaskCatalog;
import dev.nibble.eval.tasks.TaskDefinition;
import dev.nibble.eval.tasks.TaskOptions;
import dev.nibble.eval.tasks.TaskResult;
import dev.nibble.eval.tasks.TaskRunner;
import dev.nibble.io.data.DataCatalog;
import dev.nibble.io.token.Tokenizer;
import dev.nibble.runtime.Activations;
import dev.nibble.runtime.GenerateOptions;
import dev.nibble.runtime.RuntimeOptions;
import dev.nibble.runtime.Sampling;
import dev.nibble.runtime.TextModel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Measures a model by itself, or beside the original it came from: perplexity, divergence, tasks;
 * of encoders vectors and similarity.
 *
 * @param text data id for perplexity and divergence
 * @param protocols how perplexity is counted; the first that is not {@code harness} also says which
 *     positions the divergence is measured on
 * @param tasks names of zero- and few-shot tasks, possibly none
 * @param taskOptions their limits
 * @param data where data ids lead
 * @param activations arithmetic of the model; originals run in single precision
 * @param threads do not change results
 * @param progress told how far it is
 */
public record Evaluation(
    String text,
    List<Protocol> protocols,
    List<String> tasks,
    TaskOptions taskOptions,
    DataCatalog data,
    Activations activations,
    int threads,
    Progress progress) {

  /** Checks the names. */
  public Evaluation {
    protocols = List.copyOf(protocols);
    tasks = List.copyOf(tasks);
    tasks.stream().filter(t -> !t.equals(SimilarityScore.STSB)).forEach(TaskCatalog::find);
  }

  /** Measures of one model. */
  private record Alone(List<PerplexityResult> perplexities, List<TaskResult> tasks) {}

  /**
   * Measures a model.
   *
   * @param base the original to compare with
   * @throws dev.nibble.core.NibbleException when a model, the text or a task's data cannot be used
   */
  public EvaluationResult run(Path model, Optional<Path> base) {
    if (Compared.isEncoder(model)) {
      return EvaluationResult.ofEncoder(EncoderEvaluation.measure(this, model, base));
    }
    Alone result = alone(model, activations);
    Optional<Alone> original = base.map(b -> alone(b, Activations.FP32));
    Optional<DivergenceResult> distance =
        base.flatMap(
            b ->
                protocols.stream()
                    .filter(p -> p.kind() != Protocol.Kind.HARNESS)
                    .findFirst()
                    .map(p -> distance(model, b, p)));
    return new EvaluationResult(
        result.perplexities(),
        original.map(Alone::perplexities).orElse(List.of()),
        distance,
        result.tasks(),
        original.map(Alone::tasks).orElse(List.of()),
        List.of());
  }

  private DivergenceResult distance(Path model, Path base, Protocol protocol) {
    EvaluationOptions options = new EvaluationOptions(text, protocol).withActivations(activations);
    return Comparison.measure(base, model, options, data, threads, progress);
  }

  private Alone alone(Path model, Activations arithmetic) {
    try (TextModel opened = TextModel.load(model, RuntimeOptions.DEFAULT.withThreads(threads));
        LanguageModel language = opened.asLanguageModel(arithmetic);
        Workers workers = new Workers(threads)) {
      List<PerplexityResult> perplexities = new ArrayList<>();
      for (Protocol protocol : protocols) {
        perplexities.add(perplexity(language, opened.tokenizer(), protocol, workers));
      }
      List<TaskResult> scores = new ArrayList<>();
      TaskRunner runner = new TaskRunner(data, taskOptions, progress);
      for (String name : tasks) {
        TaskDefinition task = TaskCatalog.find(name);
        scores.add(
            task.kind() == TaskDefinition.Kind.GENERATE
                ? runner.run(task, (prompt, stops, most) -> write(opened, prompt, stops, most))
                : runner.run(task, language, opened.tokenizer()));
      }
      return new Alone(perplexities, scores);
    }
  }

  private static String write(TextModel model, String prompt, List<String> stops, int most) {
    return model.generate(prompt, new GenerateOptions(Sampling.GREEDY, most, stops)).text();
  }

  private PerplexityResult perplexity(
      LanguageModel model, Tokenizer tokenizer, Protocol protocol, Workers workers) {
    if (protocol.kind() != Protocol.Kind.HARNESS) {
      return Perplexity.measure(
          model, Comparison.tokenize(tokenizer, text, data), protocol, workers, progress);
    }
    List<Document> documents =
        data.text(text).pages().stream().map(page -> Document.of(page, tokenizer)).toList();
    int prefix =
        tokenizer.bosId() >= 0
            ? tokenizer.bosId()
            : tokenizer.eosIds().stream().sorted().findFirst().orElse(0);
    return Perplexity.measureDocuments(model, text, documents, prefix, protocol, workers, progress);
  }
}
