package dev.nibble.pipeline.inspect;

import dev.nibble.core.tensor.PackedTensor;

/**
 * Distribution of a tensor's values.
 *
 * @param min least finite value
 * @param max greatest finite value
 * @param mean mean
 * @param deviation standard deviation
 * @param kurtosis fourth standardized moment: 3 for a Gaussian, higher with outliers
 * @param nonFinite NaNs and infinities, left out of everything else
 * @param counts values per bin; {@link #BINS} bins of equal width over mean ± {@link #SPAN}
 *     deviations, values beyond in the outer ones
 */
public record Distribution(
    double min,
    double max,
    double mean,
    double deviation,
    double kurtosis,
    long nonFinite,
    long[] counts) {
  /** Number of bins. */
  public static final int BINS = 32;

  /** Half width of the histogram in standard deviations. */
  public static final double SPAN = 4;

  private static final String BARS = " ▁▂▃▄▅▆▇█";
  private static final int CHUNK = 1 << 18;

  /** Copies the counts. */
  public Distribution {
    counts = counts.clone();
  }

  @Override
  public long[] counts() {
    return counts.clone();
  }

  /** Reads all values twice, a few rows at a time. */
  public static Distribution of(PackedTensor tensor) {
    Moments moments = new Moments();
    forEach(tensor, moments::add);
    double mean = moments.mean();
    double deviation = moments.deviation();
    long[] counts = new long[BINS];
    double[] fourth = {0};
    forEach(
        tensor,
        v -> {
          double z = deviation == 0 ? 0 : (v - mean) / deviation;
          fourth[0] += z * z * z * z;
          int bin = (int) Math.floor((z + SPAN) / (2 * SPAN) * BINS);
          counts[Math.clamp(bin, 0, BINS - 1)]++;
        });
    return new Distribution(
        moments.min,
        moments.max,
        mean,
        deviation,
        fourth[0] / moments.count,
        tensor.elements() - moments.count,
        counts);
  }

  /** The histogram as one line of block characters, one per two bins. */
  public String sparkline() {
    long top = 1;
    for (int i = 0; i < BINS; i += 2) {
      top = Math.max(top, counts[i] + counts[i + 1]);
    }
    StringBuilder line = new StringBuilder();
    for (int i = 0; i < BINS; i += 2) {
      long here = counts[i] + counts[i + 1];
      int level = here == 0 ? 0 : 1 + (int) (here * (BARS.length() - 2) / top);
      line.append(BARS.charAt(level));
    }
    return line.toString();
  }

  private interface Sink {
    void accept(double value);
  }

  private static void forEach(PackedTensor tensor, Sink sink) {
    int columns = Math.max(1, tensor.columns());
    int step = Math.max(1, CHUNK / columns);
    float[] buffer = new float[Math.multiplyExact(step, columns)];
    for (long row = 0; row < tensor.rows(); row += step) {
      int count = (int) Math.min(step, tensor.rows() - row);
      tensor.dequantize(row, row + count, buffer, 0);
      for (int i = 0; i < count * columns; i++) {
        if (Float.isFinite(buffer[i])) {
          sink.accept(buffer[i]);
        }
      }
    }
  }

  /** Running extremes and moments. */
  private static final class Moments {
    private long count;
    private double sum;
    private double squares;
    private double min = Double.POSITIVE_INFINITY;
    private double max = Double.NEGATIVE_INFINITY;

    void add(double v) {
      count++;
      sum += v;
      squares += v * v;
      min = Math.min(min, v);
      max = Math.max(max, v);
    }

    double mean() {
      return count == 0 ? Double.NaN : sum / count;
    }

    double deviation() {
      return Math.sqrt(Math.max(0, squares / count - mean() * mean()));
    }
  }
}
