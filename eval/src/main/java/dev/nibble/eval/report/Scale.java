package dev.nibble.eval.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Maps values to positions on an axis and chooses its ticks.
 *
 * @param low value at {@code from}; above 0 if {@code logarithmic}
 * @param high value at {@code to}, not equal to {@code low}
 * @param from position of {@code low}
 * @param to position of {@code high}
 * @param logarithmic equal ratios are equally long
 */
record Scale(double low, double high, double from, double to, boolean logarithmic) {

  /** A linear axis that holds all values, with round ends. */
  static Scale linear(double[] values, double from, double to) {
    double low = Double.POSITIVE_INFINITY;
    double high = Double.NEGATIVE_INFINITY;
    for (double v : values) {
      if (Double.isFinite(v)) {
        low = Math.min(low, v);
        high = Math.max(high, v);
      }
    }
    if (low > high) {
      return new Scale(0, 1, from, to, false);
    }
    double step = step(Math.max(high - low, Math.abs(high) * 1e-6 + 1e-12), 5);
    double bottom = Math.floor(low / step) * step;
    double top = Math.ceil(high / step) * step;
    return new Scale(bottom, top > bottom ? top : bottom + step, from, to, false);
  }

  /** A logarithmic axis that holds all positive values, with a margin. */
  static Scale logarithmic(double[] values, double from, double to) {
    double low = Double.POSITIVE_INFINITY;
    double high = 0;
    for (double v : values) {
      if (v > 0 && Double.isFinite(v)) {
        low = Math.min(low, v);
        high = Math.max(high, v);
      }
    }
    if (high == 0) {
      return new Scale(0.1, 1, from, to, true);
    }
    return new Scale(low / 1.4, high * 1.4, from, to, true);
  }

  /** Position of a value; values outside are clamped to the ends. */
  double at(double value) {
    double share =
        logarithmic
            ? Math.log(Math.max(value, Double.MIN_NORMAL) / low) / Math.log(high / low)
            : (value - low) / (high - low);
    return from + Math.clamp(share, 0, 1) * (to - from);
  }

  /** Values to mark, rising. */
  List<Double> ticks(int about) {
    List<Double> ticks = new ArrayList<>();
    if (!logarithmic) {
      double step = step(high - low, about);
      for (long i = Math.round(Math.ceil(low / step - 1e-9)); i * step <= high + step * 1e-9; i++) {
        ticks.add(i * step);
      }
      return ticks;
    }
    double decades = Math.log10(high / low);
    double[] marks = decades > 2.5 ? new double[] {1} : new double[] {1, 2, 5};
    for (int e = (int) Math.floor(Math.log10(low)); e <= Math.log10(high); e++) {
      for (double mark : marks) {
        double value = mark * Math.pow(10, e);
        if (value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9)) {
          ticks.add(value);
        }
      }
    }
    return ticks;
  }

  /** 1, 2 or 5 times a power of ten. */
  private static double step(double range, int about) {
    double raw = range / about;
    double power = Math.pow(10, Math.floor(Math.log10(raw)));
    double lead = raw / power;
    return power * (lead <= 1 ? 1 : lead <= 2 ? 2 : lead <= 5 ? 5 : 10);
  }

  /** A tick's label. */
  static String label(double value) {
    double size = Math.abs(value);
    if (size != 0 && (size >= 1e6 || size < 1e-4)) {
      return String.format(Locale.ROOT, "%.0e", value).replace("e-0", "e−").replace("e+0", "e");
    }
    String text = String.format(Locale.ROOT, "%.6f", value).replaceAll("\\.?0+$", "");
    return text.replace('-', '−');
  }
}
