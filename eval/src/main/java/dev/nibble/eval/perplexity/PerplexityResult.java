package dev.nibble.eval.perplexity;

import dev.nibble.eval.statistics.Estimate;
import dev.nibble.eval.statistics.Sample;

/**
 * A perplexity with everything needed to compare it.
 *
 * @param perplexity {@code exp} of the mean negative log-likelihood per token (per word for {@code
 *     harness}), with the delta-method error {@code ppl · sqrt(var(NLL)/(n-1))}
 * @param bytePerplexity {@code exp(-ΣLL/Σbytes)} for {@code harness}, else NaN
 * @param bitsPerByte {@code -ΣLL/(Σbytes · ln 2)} for {@code harness}, else NaN
 * @param meanNll mean negative log-likelihood per token in nats
 * @param protocol the protocol with window and stride filled in
 * @param data id of the text
 * @param windows sequences the model read
 * @param tokens scored tokens
 * @param errors tokens left out because their logits were not finite; a result with errors is that
 *     of a broken model
 */
public record PerplexityResult(
    Estimate perplexity,
    double bytePerplexity,
    double bitsPerByte,
    double meanNll,
    Protocol protocol,
    String data,
    int windows,
    long tokens,
    long errors) {

  /** A result per token. */
  static PerplexityResult perToken(
      Sample nll, Protocol protocol, String data, int windows, long errors) {
    double value = Math.exp(nll.mean());
    return new PerplexityResult(
        new Estimate(value, value * relativeError(nll)),
        Double.NaN,
        Double.NaN,
        nll.mean(),
        protocol,
        data,
        windows,
        nll.size(),
        errors);
  }

  /** A result per word and per byte of documents. */
  static PerplexityResult perWord(
      Sample nll,
      long words,
      long bytes,
      Protocol protocol,
      String data,
      int windows,
      long errors) {
    double total = nll.mean() * nll.size();
    double value = Math.exp(total / words);
    double error = value * relativeError(nll) * nll.size() / words;
    return new PerplexityResult(
        new Estimate(value, error),
        Math.exp(total / bytes),
        total / bytes / Math.log(2),
        nll.mean(),
        protocol,
        data,
        windows,
        nll.size(),
        errors);
  }

  private static double relativeError(Sample nll) {
    // the population variance over n - 1, which is the unbiased variance over n
    return Math.sqrt(nll.variance() / nll.size());
  }

  /** Protocol, data and count for a table cell or caption. */
  public String conditions() {
    return "%s, %s, %d windows, %d tokens".formatted(protocol.text(), data, windows, tokens);
  }
}
