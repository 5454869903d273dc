package dev.nibble.compress.allocate;

import dev.nibble.compress.ModelTask;
import dev.nibble.compress.Step;
import dev.nibble.compress.allocate.SpikesOptions.Control;
import dev.nibble.compress.allocate.SpikesOptions.Detector;
import dev.nibble.compress.block.Batches;
import dev.nibble.core.NibbleException;
import dev.nibble.models.BlockHandle;
import dev.nibble.models.Site;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/**
 * Finds the linears whose inputs hold spikes, and lets these alone keep a high precision: their
 * weights are not rounded to integers and their inputs not at all (sheet 26). All others are what
 * later steps make of them; without spikes that is exactly what they make without this step.
 */
final class SpikesStep implements Step {
  private final SpikesOptions options;

  SpikesStep(SpikesOptions options) {
    this.options = options;
  }

  @Override
  public Needs needs() {
    return Needs.TOKENS;
  }

  @Override
  public void prepare(ModelTask task) {
    List<Site> sites =
        task.model().blocks().stream()
            .filter(block -> block.kind() == BlockHandle.Kind.DECODER)
            .flatMap(block -> block.sites().stream())
            .filter(site -> site.kind() == Site.Kind.LINEAR)
            .toList();
    Batches batches = NetworkPass.first(task.tokens(), options.samples());
    double[][] peaks = peaks(task, sites, batches);
    reportOddities(task, sites, peaks[0]);
    double[] scores = scores(task, sites, batches, peaks);
    int[] candidates =
        IntStream.range(0, sites.size())
            .filter(s -> options.scope().covers(sites.get(s).name()) && !Double.isNaN(scores[s]))
            .toArray();
    int[] order = Ranking.descending(scores);
    int[] found = found(scores, order, candidates);
    if (found.length == candidates.length) {
      task.events()
          .record(
              "spikes.all",
              "model",
              "each of the "
                  + found.length
                  + " linears in scope is flagged, so that nothing is left to quantize; raise"
                  + " threshold or lower top_k");
    }
    int[] flagged = options.control() == Control.NONE ? found : others(task, found, candidates);
    if (options.control() == Control.RANDOM) {
      for (int s : found) {
        task.events()
            .record("spikes.control", sites.get(s).name(), why(peaks[0][s], scores[s]) + "; left");
      }
    }
    for (int s : flagged) {
      String name = sites.get(s).name();
      task.allocation().assign(name, options.high().assignment());
      task.allocation().keepInput(name);
      task.events().record("spikes.flagged", name, why(peaks[0][s], scores[s]));
    }
    task.allocation()
        .explain(
            new AllocationReport(
                "spikes", options.target(), rows(task, sites, scores, order), List.of()));
  }

  private double[][] peaks(ModelTask task, List<Site> sites, Batches batches) {
    double[][] peaks =
        RememberedScores.table(
            task.scores(),
            "spikes samples="
                + batches.sequences().length
                + " percentile="
                + options.percentile()
                + " sites="
                + sites.size(),
            2,
            sites.size(),
            () -> InputPeaks.of(task, sites, batches, options.percentile()));
    for (int s = 0; s < sites.size(); s++) {
      if (Double.isInfinite(peaks[0][s])) {
        throw new NibbleException(
            "spikes: "
                + sites.get(s).name()
                + " reads values that are not finite on the calibration text; repair the model or"
                + " calibrate on other text",
            NibbleException.BAD_INPUT,
            null);
      }
    }
    return peaks;
  }

  private static void reportOddities(ModelTask task, List<Site> sites, double[] largest) {
    for (int s = 0; s < largest.length; s++) {
      String name = sites.get(s).name();
      if (Double.isNaN(largest[s])) {
        task.events()
            .record(
                "spikes.unseen",
                name,
                "no calibration token goes through it, so it is quantized unseen; calibrate on"
                    + " more text");
      } else if (largest[s] == 0) {
        task.events().record("spikes.zero", name, "all of its calibration inputs are 0");
      }
    }
  }

  /** NaN for a linear that never ran. */
  private double[] scores(ModelTask task, List<Site> sites, Batches batches, double[][] peaks) {
    return switch (options.detector()) {
      case MAX, TOPK -> overMedian(peaks[0]);
      case TOKEN ->
          IntStream.range(0, sites.size()).mapToDouble(s -> overTypical(peaks, s)).toArray();
      case ERROR -> errors(task, sites, batches, peaks[0]);
    };
  }

  private static double overTypical(double[][] peaks, int site) {
    double largest = peaks[0][site];
    return largest == 0 ? 0 : largest / peaks[1][site];
  }

  /**
   * {@code M / median(M)}; linears that never ran or read nothing but zeros do not count for the
   * median, which is over all linears of the model.
   */
  static double[] overMedian(double[] largest) {
    double[] sorted = Arrays.stream(largest).filter(m -> m > 0).sorted().toArray();
    int n = sorted.length;
    double median = n == 0 ? 1 : (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
    return Arrays.stream(largest).map(m -> m / median).toArray();
  }

  private double[] errors(ModelTask task, List<Site> sites, Batches batches, double[] largest) {
    int[] seen =
        IntStream.range(0, sites.size())
            .filter(s -> options.scope().covers(sites.get(s).name()) && !Double.isNaN(largest[s]))
            .toArray();
    List<String> names = Arrays.stream(seen).mapToObj(s -> sites.get(s).name()).toList();
    String key =
        String.format(
            Locale.ROOT,
            "spikes error bits=%d samples=%d scope=%s sites=%d",
            options.bits(),
            batches.sequences().length,
            options.scope(),
            seen.length);
    double[] found =
        RememberedScores.row(
            task.scores(),
            key,
            seen.length,
            () -> InputRounding.of(task, names, options.bits(), batches.sequences()));
    double[] out = new double[sites.size()];
    Arrays.fill(out, Double.NaN);
    IntStream.range(0, seen.length).forEach(i -> out[seen[i]] = found[i]);
    return out;
  }

  private int[] found(double[] scores, int[] order, int[] candidates) {
    IntStream ranked = Arrays.stream(order).filter(s -> Arrays.binarySearch(candidates, s) >= 0);
    return options.detector().counted()
        ? ranked.limit(options.topK()).filter(s -> scores[s] > 0).toArray()
        : ranked.filter(s -> scores[s] > options.threshold()).toArray();
  }

  /** As many that were not found, as far as there are. */
  private static int[] others(ModelTask task, int[] found, int[] candidates) {
    int[] left =
        Arrays.stream(candidates)
            .filter(s -> Arrays.stream(found).noneMatch(f -> f == s))
            .toArray();
    return Arrays.stream(Ranking.random(left.length, task.seed()))
        .limit(found.length)
        .map(i -> left[i])
        .toArray();
  }

  private String why(double largest, double score) {
    return String.format(
        Locale.ROOT,
        options.detector() == Detector.ERROR
            ? "inputs up to %.4g; rounding them alone moves the predictions by %.3g nats"
            : "inputs up to %.4g, %.4g times "
                + (options.detector() == Detector.TOKEN
                    ? "those of the typical token"
                    : "the median of all linears"),
        largest,
        score);
  }

  private List<AllocationReport.Row> rows(
      ModelTask task, List<Site> sites, double[] scores, int[] order) {
    int[] rank = new int[order.length];
    IntStream.range(0, order.length).forEach(i -> rank[order[i]] = i + 1);
    List<AllocationReport.Row> out = new ArrayList<>();
    for (int s = 0; s < scores.length; s++) {
      Site site = sites.get(s);
      String level =
          task.storage().form(site, task.allocation()).map(f -> f.text()).orElse(Level.KEEP);
      out.add(
          new AllocationReport.Row(
              site.name(),
              scores[s],
              rank[s],
              level,
              Choices.bytes(task.storage(), site, task.allocation()),
              Unit.weights(site)));
    }
    return out;
  }
}
