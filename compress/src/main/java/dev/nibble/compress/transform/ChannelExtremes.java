package dev.nibble.compress.transform;

import dev.nibble.compress.BlockTask;
import dev.nibble.compress.CalibrationRun;
import dev.nibble.core.NibbleException;
import dev.nibble.models.Torch;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;

/**
 * Smallest and largest calibration input of a site, by channel.
 *
 * @param tokens input vectors seen, at least 1
 */
record ChannelExtremes(double[] min, double[] max, long tokens) {

  /**
   * Runs all calibration batches through the block.
   *
   * @return by site, without those that no token reaches
   * @throws NibbleException when an input is not finite
   */
  static Map<String, ChannelExtremes> gather(BlockTask task, Set<String> sites) {
    List<Map<String, ChannelExtremes>> batches = new ArrayList<>();
    for (int b = 0; b < task.batches(); b++) {
      batches.add(new HashMap<>());
    }
    task.workers()
        .forEach(
            batches.size(),
            b ->
                CalibrationRun.observe(
                    task,
                    b,
                    (site, x) -> {
                      if (sites.contains(site)) {
                        batches.get(b).put(site, of(site, x));
                      }
                    }));
    Map<String, ChannelExtremes> out = new HashMap<>();
    for (Map<String, ChannelExtremes> batch : batches) {
      batch.forEach((site, seen) -> out.merge(site, seen, ChannelExtremes::join));
    }
    return out;
  }

  private static ChannelExtremes of(String site, Tensor x) {
    Tensor flat = x.reshape(-1, x.size(-1));
    double[] min = Torch.toDoubles(flat.amin(new long[] {0}, false));
    double[] max = Torch.toDoubles(flat.amax(new long[] {0}, false));
    for (int j = 0; j < min.length; j++) {
      if (!Double.isFinite(min[j]) || !Double.isFinite(max[j])) {
        throw new NibbleException(
            site
                + ": channel "
                + j
                + " of its calibration input is not finite; check the model's weights and use"
                + " other calibration text",
            NibbleException.BAD_INPUT,
            null);
      }
    }
    return new ChannelExtremes(min, max, flat.size(0));
  }

  private ChannelExtremes join(ChannelExtremes other) {
    double[] low = min.clone();
    double[] high = max.clone();
    for (int j = 0; j < low.length; j++) {
      low[j] = Math.min(low[j], other.min[j]);
      high[j] = Math.max(high[j], other.max[j]);
    }
    return new ChannelExtremes(low, high, tokens + other.tokens);
  }

  /** Largest magnitude of each channel. */
  double[] absolute() {
    double[] out = new double[min.length];
    for (int j = 0; j < out.length; j++) {
      out[j] = Math.max(-min[j], max[j]);
    }
    return out;
  }
}
