package dev.nibble.compress.solve;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * BiLLM as the paper's pseudo-code says it, in plain loops over fp64 with nothing rounded for
 * storage: what {@link Billm} is compared with.
 */
final class PlainBillm {
  private final double[][] w;
  private final double[][] u;
  private final BillmOptions options;
  private final double[][] q;

  /**
   * @param u upper factor of the inverse Hessian, whole rows
   */
  PlainBillm(double[][] w, double[][] u, BillmOptions options) {
    this.w = w;
    this.u = u;
    this.options = options;
    this.q = new double[w.length][w[0].length];
  }

  double[][] run() {
    int n = w[0].length;
    for (int from = 0; from < n; from += options.blockSize()) {
      block(from, Math.min(n, from + options.blockSize()));
    }
    return q;
  }

  private void block(int from, int to) {
    int width = to - from;
    double[][] current = new double[w.length][];
    double[][] salience = new double[w.length][width];
    double[] scores = new double[width];
    for (int r = 0; r < w.length; r++) {
      current[r] = Arrays.copyOfRange(w[r], from, to);
      for (int j = 0; j < width; j++) {
        double s = current[r][j];
        salience[r][j] =
            options.metric() == BillmOptions.Metric.HESSIAN
                ? s * s / (u[from + j][from + j] * u[from + j][from + j])
                : Math.abs(s);
        scores[j] += salience[r][j];
      }
    }
    double[][] searched = options.searchesSalience() ? salience : current;
    boolean[] salient = salient(searched, scores);
    double p = split(searched, salient);
    for (int r = 0; r < w.length; r++) {
      double[] fitted = new double[width];
      for (int kind = 0; kind < 3; kind++) {
        int which = kind;
        int row = r;
        int[] mask =
            IntStream.range(0, width)
                .filter(j -> which == (salient[j] ? 2 : Math.abs(searched[row][j]) < p ? 0 : 1))
                .toArray();
        layers(current[r], mask, kind == 2 ? 2 : 1, fitted);
      }
      for (int j = 0; j < width; j++) {
        q[r][from + j] = fitted[j];
      }
      for (int j = 0; j < width && options.compensate(); j++) {
        double e = (w[r][from + j] - fitted[j]) / u[from + j][from + j];
        for (int k = to; k < w[0].length; k++) {
          w[r][k] -= e * u[from + j][k];
        }
      }
    }
  }

  private boolean[] salient(double[][] v, double[] scores) {
    int width = scores.length;
    List<Integer> order = new ArrayList<>(IntStream.range(0, width).boxed().toList());
    order.sort(Comparator.comparingDouble(j -> -scores[j]));
    double least = Double.POSITIVE_INFINITY;
    int best = 0;
    for (int n = 1; n < Math.min(options.mostSalient(), width); n++) {
      double error = 0;
      int[] top = order.subList(0, n).stream().mapToInt(j -> j).toArray();
      int[] rest = order.subList(n, width).stream().mapToInt(j -> j).toArray();
      for (double[] row : v) {
        error += error(row, top, 2) + error(row, rest, options.ordinaryLayers());
      }
      if (error < least) {
        least = error;
        best = n;
      }
    }
    boolean[] out = new boolean[width];
    order.subList(0, best).forEach(j -> out[j] = true);
    return out;
  }

  private double split(double[][] v, boolean[] salient) {
    int[] ordinary = IntStream.range(0, salient.length).filter(j -> !salient[j]).toArray();
    double[] all =
        Arrays.stream(v)
            .flatMapToDouble(row -> Arrays.stream(ordinary).mapToDouble(j -> Math.abs(row[j])))
            .sorted()
            .toArray();
    double best = 0;
    double least = Double.POSITIVE_INFINITY;
    for (int s = 0; s <= 80; s++) {
      double at = (0.10 + s * 0.01) * (all.length - 1);
      int below = (int) Math.floor(at);
      double p =
          all[below] + (at - below) * (all[Math.min(all.length - 1, below + 1)] - all[below]);
      double error = 0;
      for (double[] row : v) {
        error +=
            error(row, Arrays.stream(ordinary).filter(j -> Math.abs(row[j]) < p).toArray(), 1)
                + error(
                    row, Arrays.stream(ordinary).filter(j -> Math.abs(row[j]) >= p).toArray(), 1);
      }
      if (error < least) {
        least = error;
        best = p;
      }
    }
    return best;
  }

  private double error(double[] row, int[] mask, int layers) {
    double[] fitted = new double[row.length];
    layers(row, mask, layers, fitted);
    return Arrays.stream(mask).mapToDouble(j -> Math.pow(row[j] - fitted[j], 2)).sum();
  }

  private void layers(double[] row, int[] mask, int layers, double[] fitted) {
    for (int layer = 0; layer < layers && mask.length > 0; layer++) {
      double mean =
          options.centred()
              ? Arrays.stream(mask).mapToDouble(j -> row[j] - fitted[j]).average().orElse(0)
              : 0;
      double magnitude =
          Arrays.stream(mask)
              .mapToDouble(j -> Math.abs(row[j] - fitted[j] - mean))
              .average()
              .orElse(0);
      for (int j : mask) {
        fitted[j] += mean + (row[j] - fitted[j] >= mean ? magnitude : -magnitude);
      }
    }
  }
}
