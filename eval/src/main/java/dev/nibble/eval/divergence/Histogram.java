package dev.nibble.eval.divergence;

import dev.nibble.eval.statistics.Sample;
import java.util.Arrays;
import java.util.List;

/**
 * Counts of divergences on a logarithmic axis.
 *
 * @param firstExponent the first bin holds everything below {@code 10^(firstExponent + step)}
 * @param step width of a bin in decades
 * @param counts positions per bin; the last bin has no upper end
 */
public record Histogram(double firstExponent, double step, List<Integer> counts) {
  private static final double FIRST = -7;
  private static final double STEP = 0.25;
  private static final int BINS = 36;

  /** Copies the list. */
  public Histogram {
    counts = List.copyOf(counts);
  }

  static Histogram of(Sample divergences) {
    int[] counts = new int[BINS];
    for (double v : divergences.toArray()) {
      double exponent = v > 0 ? Math.log10(v) : FIRST;
      counts[(int) Math.clamp(Math.floor((exponent - FIRST) / STEP), 0, BINS - 1)]++;
    }
    return new Histogram(FIRST, STEP, Arrays.stream(counts).boxed().toList());
  }
}
