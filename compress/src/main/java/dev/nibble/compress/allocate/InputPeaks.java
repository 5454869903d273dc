package dev.nibble.compress.allocate;

import dev.nibble.compress.ModelTask;
import dev.nibble.compress.block.Batches;
import dev.nibble.models.BlockContext;
import dev.nibble.models.Site;
import dev.nibble.models.Torch;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/**
 * How large the inputs of linears get (sheet 26, step 2): over all calibration tokens the largest
 * magnitude, and the magnitude that the largest channel of a typical token has. Memory: 4 bytes for
 * each token and linear, besides {@link NetworkPass}.
 */
final class InputPeaks {
  private InputPeaks() {}

  /**
   * Rows {@code largest} and {@code typical} by site: NaN for a site that never ran, infinity when
   * an input was not finite, 0 when all were 0.
   *
   * @param percentile which of the tokens with any non-zero input is the typical one, the smallest
   *     first
   */
  static double[][] of(ModelTask task, List<Site> sites, Batches batches, double percentile) {
    Map<String, Integer> index = new HashMap<>();
    sites.forEach(site -> index.put(site.name(), index.size()));
    float[][][] peaks = new float[sites.size()][batches.count()][];
    NetworkPass.run(
        task.model(),
        batches,
        task.workers(),
        task.progress(),
        "spikes",
        new NetworkPass.Visitor() {
          @Override
          public BlockContext.SiteObserver observer(int block, int batch) {
            return (site, input) -> {
              Integer at = index.get(site);
              if (at != null) {
                peaks[at][batch] = ofTokens(input);
              }
            };
          }

          @Override
          public void passed(int block, int batch, Tensor input, Tensor output) {}
        });
    double[][] out = new double[2][sites.size()];
    for (int s = 0; s < peaks.length; s++) {
      float[] all = joined(peaks[s]);
      out[0][s] = largest(all);
      out[1][s] = typical(all, percentile);
    }
    return out;
  }

  private static float[] ofTokens(Tensor input) {
    return Torch.noGrad(() -> Torch.toFloats(input.abs().amax(new long[] {-1}, false)));
  }

  private static float[] joined(float[][] batches) {
    int length = Arrays.stream(batches).mapToInt(b -> b == null ? 0 : b.length).sum();
    float[] out = new float[length];
    int at = 0;
    for (float[] batch : batches) {
      if (batch != null) {
        System.arraycopy(batch, 0, out, at, batch.length);
        at += batch.length;
      }
    }
    return out;
  }

  /** The largest of token peaks; NaN when there are none, infinity when one is not finite. */
  static double largest(float[] peaks) {
    double out = peaks.length == 0 ? Double.NaN : 0;
    for (float peak : peaks) {
      if (!Float.isFinite(peak)) {
        return Double.POSITIVE_INFINITY;
      }
      out = Math.max(out, peak);
    }
    return out;
  }

  /** A percentile of the non-zero token peaks, by nearest rank; 0 when all are 0. */
  static double typical(float[] peaks, double percentile) {
    float[] sorted = peaks.clone();
    Arrays.sort(sorted);
    int zeros = 0;
    while (zeros < sorted.length && sorted[zeros] == 0) {
      zeros++;
    }
    int count = sorted.length - zeros;
    int rank = (int) Math.ceil(percentile / 100 * count);
    return count == 0 ? 0 : sorted[zeros + Math.clamp(rank, 1, count) - 1];
  }
}
