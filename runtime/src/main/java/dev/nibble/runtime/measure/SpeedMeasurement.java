package dev.nibble.runtime.measure;

import dev.nibble.core.NibbleException;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.progress.Progress;
import dev.nibble.io.model.OpenedModel;
import dev.nibble.runtime.Batch;
import dev.nibble.runtime.RuntimeOptions;
import dev.nibble.runtime.Session;
import dev.nibble.runtime.TextModel;
import dev.nibble.runtime.diagnose.MemoryBandwidth;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;

/**
 * Measures a model's speeds: once cold, then an unmeasured round, then rounds in which every
 * measurement has its turn, so that what else the machine does meets all alike. Tokens are random,
 * the same at every call; nothing is sampled.
 */
public final class SpeedMeasurement {
  private final TextModel model;
  private final SpeedOptions options;
  private final List<Integer> prompts;
  private final int threads;
  private final double loadSeconds;
  private final double coldSeconds;
  private final Session reader;
  private final List<Session> writers;
  private final Batch batch;
  private final double[] bandwidth;
  private final double[][] prefillRates;
  private final double[][] decodeRates;
  private final long[] sessionBytes;

  private SpeedMeasurement(
      TextModel model, SpeedOptions options, List<Integer> prompts, int threads, long start) {
    this.model = model;
    this.options = options;
    this.prompts = prompts;
    this.threads = threads;
    this.reader = model.newSession();
    long loaded = System.nanoTime();
    reader.prefill(tokens(0, depth()));
    this.loadSeconds = (loaded - start) / 1e9;
    this.coldSeconds = (System.nanoTime() - loaded) / 1e9;
    this.writers =
        Stream.generate(model::newSession).limit(Collections.max(options.sessions())).toList();
    this.batch = model.newBatch();
    this.bandwidth = new double[options.rounds()];
    this.prefillRates = new double[prompts.size()][options.rounds()];
    this.decodeRates = new double[options.sessions().size()][options.rounds()];
    this.sessionBytes = new long[options.sessions().size()];
  }

  /**
   * Loads a model and measures it. For an honest cold figure call it before anything else runs the
   * model's kernels in this process.
   *
   * @param runtime how it runs; a context that is too short for what is asked is made long enough
   * @throws NibbleException when the model cannot be loaded, or its positions are learned and too
   *     few
   */
  public static Speeds run(
      Path path, RuntimeOptions runtime, SpeedOptions options, Progress progress) {
    ModelConfig config = config(path);
    List<Integer> prompts = prompts(config, options);
    int needed = Math.max(Collections.max(prompts), prompts.getFirst() + options.tokens());
    int context = Math.max(needed, runtime.contextLength());
    long start = System.nanoTime();
    try (TextModel model = TextModel.load(path, runtime.withContextLength(context))) {
      return new SpeedMeasurement(model, options, prompts, runtime.threads(), start)
          .measure(progress);
    }
  }

  private static ModelConfig config(Path path) {
    try (OpenedModel opened = OpenedModel.open(path)) {
      return opened.weights().config();
    }
  }

  private static List<Integer> prompts(ModelConfig config, SpeedOptions options) {
    if (!options.prompts().isEmpty()) {
      return options.prompts();
    }
    List<Integer> fitting = new ArrayList<>();
    for (int length : SpeedOptions.PROMPTS) {
      boolean fits = length + options.tokens() <= config.maxPositions();
      if (config.positions() != ModelConfig.Positions.LEARNED || fits) {
        fitting.add(length);
      }
    }
    if (fitting.isEmpty()) {
      fitting.add(Math.max(1, config.maxPositions() - options.tokens()));
    }
    return fitting;
  }

  /** Tokens before the first that is written. */
  private int depth() {
    return prompts.getFirst();
  }

  private int[] tokens(int seed, int count) {
    return new SplittableRandom(seed).ints(count, 0, model.config().vocabSize()).toArray();
  }

  private Speeds measure(Progress progress) {
    try (Progress.Task task = progress.start("measure", options.rounds() + 1L, "rounds")) {
      fill();
      round(0);
      task.advance(1);
      for (int i = 0; i < options.rounds(); i++) {
        round(i);
        task.advance(1);
      }
    }
    return result();
  }

  /** Gives every writer its prompt. */
  private void fill() {
    for (int i = 0; i < writers.size(); i++) {
      batch.add(writers.get(i), tokens(i, depth()));
    }
    batch.run();
  }

  private void round(int round) {
    bandwidth[round] = MemoryBandwidth.measure(threads);
    for (int i = 0; i < prompts.size(); i++) {
      int[] prompt = tokens(round, prompts.get(i));
      reader.reset();
      long start = System.nanoTime();
      reader.prefill(prompt);
      prefillRates[i][round] = prompt.length / seconds(start);
    }
    for (int i = 0; i < options.sessions().size(); i++) {
      int sessions = options.sessions().get(i);
      decodeRates[i][round] = sessions * options.tokens() / decode(sessions, round);
      sessionBytes[i] = writers.getFirst().byteSize();
    }
  }

  /** Seconds that so many sessions take to write their tokens. */
  private double decode(int sessions, int round) {
    int[] tokens = tokens(round, options.tokens());
    for (int i = 0; i < sessions; i++) {
      writers.get(i).rewind(depth());
    }
    Session first = writers.getFirst();
    long start = System.nanoTime();
    for (int token : tokens) {
      if (sessions == 1) {
        first.decode(token);
        continue;
      }
      for (int i = 0; i < sessions; i++) {
        batch.add(writers.get(i), token);
      }
      batch.step();
    }
    double seconds = seconds(start);
    for (int i = 0; i < sessions; i++) {
      if (batch.outcome(writers.get(i)) == Batch.Outcome.FAILED) {
        throw batch.failure(writers.get(i));
      }
    }
    return seconds;
  }

  private static double seconds(long start) {
    return (System.nanoTime() - start) / 1e9;
  }

  private Speeds result() {
    List<Speeds.Prefill> prefills = new ArrayList<>();
    for (int i = 0; i < prompts.size(); i++) {
      prefills.add(new Speeds.Prefill(prompts.get(i), Speeds.Samples.of(prefillRates[i])));
    }
    List<Speeds.Decode> decodes = new ArrayList<>();
    for (int i = 0; i < options.sessions().size(); i++) {
      decodes.add(
          new Speeds.Decode(
              options.sessions().get(i),
              depth(),
              options.tokens(),
              Speeds.Samples.of(decodeRates[i]),
              sessionBytes[i]));
    }
    double[] warm = new double[options.rounds()];
    for (int i = 0; i < warm.length; i++) {
      warm[i] = depth() / prefillRates[0][i];
    }
    return new Speeds(
        model.config(),
        model.kernels(),
        threads,
        model.bytesPerToken(),
        Speeds.Samples.of(bandwidth),
        new Speeds.Start(depth(), loadSeconds, coldSeconds, Speeds.Samples.of(warm)),
        prefills,
        decodes);
  }
}
