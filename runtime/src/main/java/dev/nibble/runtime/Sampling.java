package dev.nibble.runtime;

import dev.nibble.core.NibbleException;

/**
 * How the next token is drawn. Order: repetition penalty, temperature, top-k, min-p, top-p.
 *
 * @param temperature divides the logits; 0 takes the most likely token
 * @param topK keeps the k most likely tokens; 0 keeps all
 * @param topP keeps the smallest set of most likely tokens whose probability reaches p; 1 keeps all
 * @param minP drops tokens less likely than p times the most likely one; 0 drops none
 * @param repetitionPenalty divides positive and multiplies negative logits of recent tokens; 1 is
 *     none
 * @param repetitionWindow how many of the latest tokens are penalized
 * @param seed of the random numbers; the same seed draws the same tokens
 */
public record Sampling(
    double temperature,
    int topK,
    double topP,
    double minP,
    double repetitionPenalty,
    int repetitionWindow,
    long seed) {

  /** Always the most likely token. */
  public static final Sampling GREEDY = new Sampling(0, 0, 1, 0, 1, 64, 0);

  /** Temperature 0.8, top-k 40, top-p 0.95. */
  public static Sampling balanced(long seed) {
    return new Sampling(0.8, 40, 0.95, 0, 1, 64, seed);
  }

  /** Checks ranges. */
  public Sampling {
    check(temperature >= 0 && temperature <= 100, "temperature", "0 to 100", temperature);
    check(topK >= 0, "top-k", "0 or more", topK);
    check(topP > 0 && topP <= 1, "top-p", "above 0 and at most 1", topP);
    check(minP >= 0 && minP <= 1, "min-p", "0 to 1", minP);
    check(
        repetitionPenalty > 0 && repetitionPenalty <= 100,
        "repetition penalty",
        "above 0 and at most 100",
        repetitionPenalty);
    check(repetitionWindow >= 0, "repetition window", "0 or more", repetitionWindow);
  }

  private static void check(boolean ok, String what, String range, double value) {
    if (!ok) {
      throw new NibbleException("the " + what + " must be " + range + ", not " + value);
    }
  }
}
