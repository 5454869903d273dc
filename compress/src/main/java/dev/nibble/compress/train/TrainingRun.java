package dev.nibble.compress.train;

import dev.nibble.core.NibbleException;
import dev.nibble.core.progress.Progress;
import dev.nibble.core.work.Workers;
import dev.nibble.models.ResidentModel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** The loop: batches, steps, evaluations, checkpoints. */
final class TrainingRun {
  private static final int MAX_SKIPPED = 20;

  private final TrainRecipe recipe;
  private final Schedule schedule;
  private final TokenCorpus corpus;
  private final ResidentModel model;
  private final Path latest;
  private final Path best;
  private final Workers workers;
  private final Progress progress;
  private final Checkpoint.Identity identity;

  /** How a run ended. */
  record Outcome(boolean finished, TrainingCurve curve, double tokensPerSecond) {}

  TrainingRun(
      TrainRecipe recipe,
      TokenCorpus corpus,
      ResidentModel model,
      Path checkpoints,
      Workers workers,
      Progress progress) {
    this.recipe = recipe;
    this.schedule = recipe.schedule();
    this.corpus = corpus;
    this.model = model;
    this.latest = checkpoints.resolve("latest.safetensors");
    this.best = checkpoints.resolve("best.safetensors");
    this.workers = workers;
    this.progress = progress;
    this.identity = new Checkpoint.Identity(recipe.toString(), corpus.fingerprint());
  }

  /** Trains until done or {@code stopAfter} steps; the model then holds the best parameters. */
  Outcome go(int stopAfter) {
    String products = schedule.precision() == Schedule.Precision.BF16 ? "medium" : "highest";
    torch.globalContext().setFloat32MatmulPrecision(products);
    try {
      return train(stopAfter);
    } finally {
      torch.globalContext().setFloat32MatmulPrecision("highest");
    }
  }

  private Outcome train(int stopAfter) {
    model.requireGradients(true);
    try (AdamW optimizer = new AdamW(model.parameters(), schedule.rule(), workers)) {
      Checkpoint start = Checkpoint.read(latest, identity, optimizer.state());
      if (start.step() > 0) {
        progress.note("resumed at step " + start.step());
      }
      long[] taken = start.taken() == null ? new long[corpus.streams().size()] : start.taken();
      double[] weights = recipe.sources().stream().mapToDouble(TextSource::weight).toArray();
      BatchSampler sampler = new BatchSampler(corpus.streams(), weights, recipe.seed(), taken);
      Gradients gradients = new Gradients(model, schedule, recipe.seed(), workers);
      double lowest = start.bestLoss();
      TrainingCurve curve = start.curve();
      int end = Math.min(schedule.steps(), stopAfter);
      long began = System.nanoTime();
      try (Progress.Task task = progress.start("train", schedule.steps(), "steps")) {
        task.advance(start.step());
        for (int step = start.step(); step < end; step++) {
          advance(step, sampler, gradients, optimizer, curve);
          task.advance(1);
          int done = step + 1;
          if (done % schedule.evaluateEvery() == 0 || done == schedule.steps()) {
            lowest = evaluate(done, lowest, curve);
          }
          if (done % schedule.checkpointEvery() == 0 || done == end) {
            new Checkpoint(done, sampler.taken(), lowest, curve)
                .write(latest, identity, optimizer.state());
          }
        }
      }
      double seconds = (System.nanoTime() - began) / 1e9;
      double tokens = (double) (end - start.step()) * schedule.batch() * schedule.length();
      boolean finished = end == schedule.steps();
      if (finished) {
        finish(curve);
      }
      return new Outcome(finished, curve, Math.max(0, tokens) / seconds);
    }
  }

  private void advance(
      int step, BatchSampler sampler, Gradients gradients, AdamW optimizer, TrainingCurve curve) {
    int[][] windows = sampler.batch(step, schedule.batch());
    Gradients.Result result = gradients.run(windows, step);
    double norm = optimizer.step(result.gradients(), step);
    result.gradients().forEach(Tensor::close);
    curve.steps().add(new TrainingCurve.Point(step + 1, result.loss(), schedule.rate(step), norm));
    long skipped = curve.steps().stream().filter(p -> !Double.isFinite(p.gradientNorm())).count();
    if (skipped > MAX_SKIPPED) {
      throw new NibbleException(
          "training left out "
              + skipped
              + " steps whose gradient was not finite, the last at step "
              + (step + 1)
              + "; lower schedule.learning_rate or lengthen schedule.warm_up");
    }
  }

  /** Measures held-out text, keeps the parameters when they are the best; returns the lowest. */
  private double evaluate(int done, double lowest, TrainingCurve curve) {
    TrainingCurve.Evaluation evaluation = measure(done, schedule.evaluateTokens());
    if (evaluation.lossPerToken().isEmpty()) {
      return lowest;
    }
    curve.evaluations().add(evaluation);
    double recent =
        curve.steps().subList(Math.max(0, done - 50), done).stream()
            .mapToDouble(TrainingCurve.Point::loss)
            .average()
            .orElse(Double.NaN);
    double loss = mean(evaluation.lossPerToken());
    progress.note(
        String.format(
            Locale.ROOT,
            "step=%d train_loss=%.4f held_out_loss=%.4f bits_per_character=%s",
            done,
            recent,
            loss,
            evaluation.bitsPerCharacter().entrySet().stream()
                .map(e -> String.format(Locale.ROOT, "%s:%.4f", e.getKey(), e.getValue()))
                .collect(Collectors.joining(","))));
    if (loss < lowest) {
      new Checkpoint(done, new long[1], loss, TrainingCurve.empty())
          .write(best, identity, model.parameters());
      return loss;
    }
    return lowest;
  }

  /** Mean over sources by their training weight. */
  private double mean(Map<String, Double> losses) {
    double sum = 0;
    double weight = 0;
    for (TextSource source : recipe.sources()) {
      Double loss = losses.get(source.name());
      if (loss != null) {
        sum += source.weight() * loss;
        weight += source.weight();
      }
    }
    return sum / weight;
  }

  private TrainingCurve.Evaluation measure(int done, long tokenLimit) {
    Map<String, Double> bits = new LinkedHashMap<>();
    Map<String, Double> losses = new LinkedHashMap<>();
    for (int s = 0; s < recipe.sources().size(); s++) {
      if (!corpus.heldOut().get(s).isEmpty()) {
        HeldOut.Score score = HeldOut.measure(model, corpus.heldOut().get(s), tokenLimit, workers);
        bits.put(recipe.sources().get(s).name(), score.bitsPerCharacter());
        losses.put(recipe.sources().get(s).name(), score.lossPerToken());
      }
    }
    return new TrainingCurve.Evaluation(done, bits, losses);
  }

  /** Takes the best parameters and measures them on all held-out text. */
  private void finish(TrainingCurve curve) {
    int step = schedule.steps();
    if (Files.exists(best)) {
      step = Checkpoint.read(best, identity, model.parameters()).step();
      progress.note("the model of step " + step + " has the lowest held-out loss");
    }
    curve.evaluations().add(measure(step, Long.MAX_VALUE));
  }
}
