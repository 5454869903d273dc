package dev.nibble.compress.tune;

import dev.nibble.compress.TunerTask;
import dev.nibble.compress.block.Seeds;
import dev.nibble.compress.codebook.KMeans;
import dev.nibble.core.NibbleException;
import dev.nibble.core.progress.Progress;
import dev.nibble.models.ResidentModel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;

/**
 * The loop of {@link PvTuning}. The last eighth of the sequences is held out. Random numbers are
 * pure functions of seed and step, so the arrays, the step and the best loss are all that a
 * checkpoint holds; it is written whenever the held-out sequences are looked at.
 */
final class PvTrainer implements AutoCloseable {
  private static final int MAX_SKIPPED = 10;

  private final TunerTask task;
  private final PvOptions options;
  private final PvStudent student;
  private final Distillation distillation;
  private final int[][] training;
  private final int[][] heldOut;
  private final Path latest;
  private final Path best;

  private int step;
  private int skipped;
  private double first;
  private double lowest;
  private int bestStep;

  PvTrainer(TunerTask task, PvOptions options) {
    this.task = task;
    this.options = options;
    int[][] all = task.tokens().sequences();
    if (all.length < 2) {
      throw new NibbleException(
          "pv: "
              + all.length
              + " calibration sequences are too few, as some are held out; raise"
              + " calibration.samples to 16 or more");
    }
    int held = Math.max(1, all.length / 8);
    this.training = Arrays.copyOf(all, all.length - held);
    this.heldOut = Arrays.copyOfRange(all, all.length - held, all.length);
    this.student = new PvStudent(task.student(), options);
    if (student.weights() == 0) {
      throw new NibbleException(
          "pv: no weight of the model is stored as sums of codewords or on an integer grid; put a"
              + " solver such as aqlm or gptq into the recipe");
    }
    ResidentModel teacher = task.teacher().get();
    this.distillation =
        new Distillation(task.student(), teacher, task.workers(), options.logitChunk());
    this.latest = task.checkpoints().resolve("latest.safetensors");
    this.best = task.checkpoints().resolve("best.safetensors");
  }

  /** Trains what is left, and leaves the best or the last state in the student. */
  void train() {
    resume();
    try (Progress.Task progress = task.progress().start("pv", options.steps(), "steps")) {
      progress.advance(step);
      while (step < options.steps() && skipped <= MAX_SKIPPED) {
        advance();
        progress.advance(1);
        if (step % options.evaluateEvery() == 0 || step == options.steps()) {
          evaluate();
        }
      }
    }
    boolean improved = !options.keepBest() || bestStep > 0;
    if (improved) {
      if (options.keepBest()) {
        StateFile.read(best, student.values());
      }
      student.finish(task.workers());
    } else {
      student.restore();
    }
    report();
  }

  private void resume() {
    if (Files.exists(latest)) {
      Map<String, String> numbers = StateFile.read(latest, student.state());
      step = Integer.parseInt(numbers.get("step"));
      skipped = Integer.parseInt(numbers.get("skipped"));
      first = Double.parseDouble(numbers.get("first"));
      lowest = Double.parseDouble(numbers.get("lowest"));
      bestStep = Integer.parseInt(numbers.get("best"));
      student.put(task.workers(), false);
      task.progress().note("pv goes on after step " + step);
      return;
    }
    first = distillation.loss(heldOut);
    lowest = first;
    if (!Double.isFinite(first)) {
      throw new NibbleException(
          "pv: the quantized model's divergence from the original is not finite before training;"
              + " check the recipe's earlier steps",
          NibbleException.BAD_INPUT,
          null);
    }
  }

  private void advance() {
    Distillation.Result found = distillation.gradients(batch(), student.trained());
    step++;
    if (!found.finite()) {
      skipped++;
      task.events().record("pv.non-finite", "", "step " + step + " had no finite loss; left out");
      return;
    }
    student.step(
        found.gradients(),
        Seeds.derive(task.seed(), "step", Integer.toString(step)),
        task.workers());
    student.put(task.workers(), false);
  }

  /** The sequences of the next step: each epoch in an order of its own. */
  private int[][] batch() {
    int size = Math.min(options.batch(), training.length);
    List<int[]> out = new ArrayList<>();
    long at = (long) step * size;
    int[] order = {};
    long epoch = -1;
    for (int i = 0; i < size; i++, at++) {
      if (at / training.length != epoch) {
        epoch = at / training.length;
        order =
            KMeans.shuffled(
                training.length,
                new SplittableRandom(Seeds.derive(task.seed(), "epoch", Long.toString(epoch))));
      }
      out.add(training[order[(int) (at % training.length)]]);
    }
    return out.toArray(int[][]::new);
  }

  private void evaluate() {
    student.put(task.workers(), true);
    double loss = distillation.loss(heldOut);
    student.put(task.workers(), false);
    if (loss < lowest) {
      lowest = loss;
      bestStep = step;
      StateFile.write(best, Map.of(), student.values());
    }
    Map<String, String> numbers = new TreeMap<>();
    numbers.put("step", Integer.toString(step));
    numbers.put("skipped", Integer.toString(skipped));
    numbers.put("first", Double.toString(first));
    numbers.put("lowest", Double.toString(lowest));
    numbers.put("best", Integer.toString(bestStep));
    StateFile.write(latest, numbers, student.state());
    task.progress()
        .note(
            String.format(
                Locale.ROOT,
                "pv step=%d held_out_kl=%.5f changed=%.4f",
                step,
                loss,
                student.changed()));
  }

  private void report() {
    int length = task.tokens().length();
    task.events()
        .record(
            "pv.result",
            "",
            String.format(
                Locale.ROOT,
                "strategy %s, %d steps, %d tokens seen, state of step %d, held-out KL %.5f before"
                    + " and %.5f after, %.2f %% of codes differ from the start",
                options.strategy().name().toLowerCase(Locale.ROOT).replace('_', '-'),
                step,
                (long) step * Math.min(options.batch(), training.length) * length,
                options.keepBest() ? bestStep : step,
                first,
                lowest,
                100 * student.changed()));
  }

  @Override
  public void close() {
    distillation.close();
  }
}
