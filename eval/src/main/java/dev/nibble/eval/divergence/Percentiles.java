package dev.nibble.eval.divergence;

import dev.nibble.eval.statistics.Sample;

/** Percentiles of a distribution over positions. */
public record Percentiles(
    double p1,
    double p5,
    double p10,
    double p25,
    double p50,
    double p75,
    double p90,
    double p95,
    double p99,
    double p999) {

  static Percentiles of(Sample s) {
    return new Percentiles(
        s.percentile(1),
        s.percentile(5),
        s.percentile(10),
        s.percentile(25),
        s.percentile(50),
        s.percentile(75),
        s.percentile(90),
        s.percentile(95),
        s.percentile(99),
        s.percentile(99.9));
  }
}
