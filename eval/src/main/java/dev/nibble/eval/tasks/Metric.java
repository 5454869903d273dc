package dev.nibble.eval.tasks;

/** How an item's choices become a score from 0 to 1. */
public enum Metric {
  /** The most likely choice is the gold one. */
  ACC("acc"),
  /** The choice with the highest log-likelihood per character is the gold one. */
  ACC_NORM("acc_norm"),
  /** The choice with the highest log-likelihood per UTF-8 byte is the gold one. */
  ACC_BYTES("acc_bytes"),
  /** Share of the probability of all choices that the true ones get. */
  TRUE_MASS("mc2"),
  /** The continuation is what greedy decoding gives. */
  GREEDY("acc"),
  /** The generated text has the answer after the agreed mark. */
  STRICT_MATCH("strict_match"),
  /** The last number of the generated text is the answer. */
  FLEXIBLE_EXTRACT("flexible_extract");

  private final String text;

  Metric(String text) {
    this.text = text;
  }

  /** Name in results. */
  public String text() {
    return text;
  }
}
