package dev.nibble.compress.allocate;

import dev.nibble.compress.ModelTask;
import dev.nibble.compress.StoredForm;
import dev.nibble.core.NibbleException;
import dev.nibble.core.progress.Progress;
import dev.nibble.core.tensor.DType;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.models.Site;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongFunction;
import java.util.stream.IntStream;

/**
 * What every unit takes on this machine for one input row at every level, each kernel by itself
 * (sheet 49, step 2).
 */
final class LayerTimes {
  private LayerTimes() {}

  /** Seconds {@code [units][levels]}, NaN where no kernel is made for the level. */
  static double[][] of(ModelTask task, Choices choices) {
    return RememberedScores.table(
        task.scores(),
        "kernel times v1 machine="
            + task.times().machine()
            + " levels="
            + choices.levelNames()
            + " forms="
            + forms(choices)
            + " units="
            + choices.names(),
        choices.units().size(),
        choices.levels().size(),
        () -> measure(task, choices));
  }

  /** How the units would be stored: a solver may add to what a level says. */
  private static String forms(Choices choices) {
    StringBuilder out = new StringBuilder();
    for (int u = 0; u < choices.units().size(); u++) {
      for (int l = 0; l < choices.levels().size(); l++) {
        choices
            .forms(u, l)
            .values()
            .forEach(form -> out.append(form.map(StoredForm::text).orElse(Level.KEEP)).append(','));
      }
    }
    return out.toString();
  }

  private static double[][] measure(ModelTask task, Choices choices) {
    double[][] out = new double[choices.units().size()][choices.levels().size()];
    try (Progress.Task progress = task.progress().start("timing", out.length, "layers")) {
      for (int u = 0; u < out.length; u++) {
        for (int l = 0; l < out[u].length; l++) {
          out[u][l] = seconds(task, choices.forms(u, l));
        }
        progress.advance(1);
      }
    }
    return out;
  }

  private static double seconds(ModelTask task, Map<Site, Optional<StoredForm>> forms) {
    double sum = 0;
    for (Map.Entry<Site, Optional<StoredForm>> entry : forms.entrySet()) {
      long[] shape = {entry.getKey().outputs(), entry.getKey().inputs()};
      try (Arena arena = Arena.ofShared()) {
        sum += task.times().seconds(zeros(shape, entry.getValue(), arena)).orElse(Double.NaN);
      }
    }
    return sum;
  }

  /** A weight of zeros: a product takes as long with any others. */
  private static PackedTensor zeros(long[] shape, Optional<StoredForm> form, Arena arena) {
    LongFunction<MemorySegment> memory = size -> arena.allocate(size, Long.BYTES);
    return form.map(f -> f.sized(shape, memory))
        .orElseGet(
            () ->
                new DenseTensor(
                    shape, DType.BF16, memory.apply(shape[0] * shape[1] * DType.BF16.bytes())));
  }

  /**
   * Levels that every unit has a kernel for.
   *
   * @param where path of the options, for messages
   * @throws NibbleException when fewer than two are left
   */
  static int[] runnable(ModelTask task, Choices choices, double[][] times, String where) {
    int[] out =
        IntStream.range(0, choices.levels().size())
            .filter(l -> Arrays.stream(times).noneMatch(row -> Double.isNaN(row[l])))
            .toArray();
    for (int l = 0; l < choices.levels().size(); l++) {
      int level = l;
      if (Arrays.stream(out).noneMatch(o -> o == level)) {
        task.events()
            .record(
                "ohq.kernel",
                choices.levels().get(l).text(),
                "left out, because no kernel is made for it");
      }
    }
    if (out.length < 2) {
      throw new NibbleException(
          where
              + ".levels: of "
              + choices.levelNames()
              + " fewer than two have a kernel that could be timed; give others, or beta: 0 to"
              + " allocate without times");
    }
    return out;
  }
}
