package dev.nibble.eval.report;

/** What a figure counts, which decides how it is written. */
public enum Unit {
  /** Bytes, shown with a decimal prefix. */
  BYTES,
  /** Bits per weight. */
  BITS,
  /** Seconds. */
  SECONDS,
  /** Natural units of information (KL divergence). */
  NATS,
  /** A share from 0 to 1, shown in per cent. */
  SHARE,
  /** Perplexity. */
  PERPLEXITY,
  /** Decibels. */
  DECIBELS,
  /** Whole things. */
  COUNT,
  /** Any other number. */
  NUMBER
}
