package dev.nibble.compress.activation;

import dev.nibble.compress.BlockTask;
import dev.nibble.compress.CalibrationRun;
import dev.nibble.core.NibbleException;
import dev.nibble.models.Torch;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Ranges of site inputs over all calibration tokens. A percentile below 100 takes a second pass
 * that counts values in {@value #BINS} equal bins over the whole range: counts add up exactly,
 * whatever the order of the batches.
 */
final class RangeObserver {
  private static final int BINS = 8192;

  private final BlockTask task;
  private final Set<String> sites;

  RangeObserver(BlockTask task, Set<String> sites) {
    this.task = task;
    this.sites = sites;
  }

  /** Smallest and largest value by site. */
  Map<String, ValueRange> extremes() {
    Map<String, ValueRange> out = new LinkedHashMap<>();
    for (Map<String, ValueRange> batch : watch(RangeObserver::extremes)) {
      batch.forEach((site, range) -> out.merge(site, range, ValueRange::join));
    }
    return out;
  }

  /** Ranges that leave out {@code (100 - percentile)} percent of the values, half at either end. */
  Map<String, ValueRange> percentile(double percentile) {
    Map<String, ValueRange> whole = extremes();
    Map<String, long[]> counts = new LinkedHashMap<>();
    for (Map<String, long[]> batch : watch((site, x) -> histogram(x, whole.get(site)))) {
      batch.forEach((site, c) -> counts.merge(site, c, RangeObserver::add));
    }
    Map<String, ValueRange> out = new LinkedHashMap<>();
    counts.forEach(
        (site, c) -> out.put(site, inner(c, whole.get(site), (1 - percentile / 100) / 2)));
    return out;
  }

  /** Something measured at each site of each batch. */
  private interface Measure<T> {
    T of(String site, Tensor input);
  }

  private <T> List<Map<String, T>> watch(Measure<T> measure) {
    List<Map<String, T>> out = new ArrayList<>();
    for (int b = 0; b < task.batches(); b++) {
      out.add(new HashMap<>());
    }
    task.workers()
        .forEach(
            task.batches(),
            b ->
                CalibrationRun.observe(
                    task,
                    b,
                    (site, x) -> {
                      if (sites.contains(site)) {
                        out.get(b).put(site, measure.of(site, x));
                      }
                    }));
    return out;
  }

  private static ValueRange extremes(String site, Tensor x) {
    float low = (float) x.min().item_double();
    float high = (float) x.max().item_double();
    if (!Float.isFinite(low) || !Float.isFinite(high)) {
      throw new NibbleException(
          site
              + ": its calibration input holds values that are not finite; check the model's"
              + " weights and use other calibration text",
          NibbleException.BAD_INPUT,
          null);
    }
    return ValueRange.EMPTY.join(new ValueRange(Math.min(low, 0), Math.max(high, 0)));
  }

  private static long[] histogram(Tensor x, ValueRange range) {
    Tensor counts =
        torch.histc(
            x.flatten(), BINS, new Scalar((double) range.low()), new Scalar((double) range.high()));
    double[] values = Torch.toDoubles(counts);
    long[] out = new long[BINS];
    for (int i = 0; i < BINS; i++) {
      out[i] = (long) values[i];
    }
    return out;
  }

  private static long[] add(long[] a, long[] b) {
    long[] out = new long[a.length];
    for (int i = 0; i < out.length; i++) {
      out[i] = a[i] + b[i];
    }
    return out;
  }

  /** Drops a share of the values at either end, but never goes past zero. */
  private static ValueRange inner(long[] counts, ValueRange whole, double share) {
    long total = java.util.Arrays.stream(counts).sum();
    long drop = (long) (share * total);
    int first = 0;
    long seen = counts[0];
    while (seen <= drop && first < BINS - 1) {
      seen += counts[++first];
    }
    int last = BINS - 1;
    seen = counts[last];
    while (seen <= drop && last > first) {
      seen += counts[--last];
    }
    double width = ((double) whole.high() - whole.low()) / BINS;
    float low = (float) (whole.low() + first * width);
    float high = (float) (whole.low() + (last + 1) * width);
    return new ValueRange(Math.min(low, 0), Math.max(high, 0));
  }
}
