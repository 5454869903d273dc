package dev.nibble.eval.tasks;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.function.IntToDoubleFunction;

/** Metrics of an item from the log-likelihoods of its choices. */
final class ChoiceScore {
  private ChoiceScore() {}

  /** Index of the choice a metric takes, the lowest one of equals; -1 where it takes none. */
  static int chosen(Metric metric, Prompt prompt, List<Likelihood> likelihoods) {
    return switch (metric) {
      case ACC -> best(likelihoods, i -> 1);
      case ACC_NORM ->
          best(likelihoods, i -> prompt.answer(i).codePointCount(0, prompt.answer(i).length()));
      case ACC_BYTES ->
          best(likelihoods, i -> prompt.answer(i).getBytes(StandardCharsets.UTF_8).length);
      case TRUE_MASS, GREEDY, STRICT_MATCH, FLEXIBLE_EXTRACT -> -1;
    };
  }

  private static int best(List<Likelihood> likelihoods, IntToDoubleFunction length) {
    int best = 0;
    for (int i = 1; i < likelihoods.size(); i++) {
      if (likelihoods.get(i).logProb() / length.applyAsDouble(i)
          > likelihoods.get(best).logProb() / length.applyAsDouble(best)) {
        best = i;
      }
    }
    return best;
  }

  /** Score from 0 to 1. */
  static double score(Metric metric, Prompt prompt, List<Likelihood> likelihoods) {
    return switch (metric) {
      case ACC, ACC_NORM, ACC_BYTES -> chosen(metric, prompt, likelihoods) == prompt.gold() ? 1 : 0;
      case GREEDY -> likelihoods.getFirst().greedy() ? 1 : 0;
      case TRUE_MASS -> trueMass(prompt, likelihoods);
      case STRICT_MATCH, FLEXIBLE_EXTRACT ->
          throw new IllegalArgumentException(metric + " scores generated text");
    };
  }

  private static double trueMass(Prompt prompt, List<Likelihood> likelihoods) {
    double max = likelihoods.stream().mapToDouble(Likelihood::logProb).max().orElse(0);
    double all = 0;
    double good = 0;
    for (int i = 0; i < likelihoods.size(); i++) {
      double p = Math.exp(likelihoods.get(i).logProb() - max);
      all += p;
      good += prompt.correct().contains(i) ? p : 0;
    }
    return good / all;
  }
}
