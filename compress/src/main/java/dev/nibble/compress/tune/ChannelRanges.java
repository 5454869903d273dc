package dev.nibble.compress.tune;

import dev.nibble.compress.BlockTask;
import dev.nibble.compress.CalibrationRun;
import dev.nibble.core.NibbleException;
import dev.nibble.models.Torch;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;

/**
 * Range of each input channel of some sites that read the same on the calibration data.
 *
 * @param largest {@code max |x_j|} over all tokens
 * @param middle {@code (max x_j + min x_j) / 2} of the batches, averaged with weights 0.99 for the
 *     average so far and 0.01 for the next batch
 */
record ChannelRanges(double[] largest, double[] middle) {
  private static final double KEPT = 0.99;

  /**
   * Runs all batches through the block, as it is.
   *
   * @param readers sites that read the same, by a name for them; of experts each sees but some of
   *     the tokens
   * @return by the same names
   * @throws NibbleException when an input holds a value that is not finite
   */
  static Map<String, ChannelRanges> of(BlockTask task, Map<String, List<String>> readers) {
    Map<String, String> names = new HashMap<>();
    readers.forEach((name, sites) -> sites.forEach(site -> names.put(site, name)));
    List<Map<String, double[][]>> batches =
        Stream.<Map<String, double[][]>>generate(HashMap::new).limit(task.batches()).toList();
    task.workers()
        .forEach(
            batches.size(),
            batch ->
                CalibrationRun.observe(
                    task,
                    batch,
                    (site, x) -> {
                      String name = names.get(site);
                      if (name != null && x.numel() > 0) {
                        batches.get(batch).merge(name, extremes(site, x), ChannelRanges::union);
                      }
                    }));
    Map<String, ChannelRanges> out = new HashMap<>();
    for (String name : readers.keySet()) {
      out.put(name, join(batches.stream().map(batch -> batch.get(name)).toList()));
    }
    return out;
  }

  private static double[][] union(double[][] a, double[][] b) {
    for (int j = 0; j < a[0].length; j++) {
      a[0][j] = Math.min(a[0][j], b[0][j]);
      a[1][j] = Math.max(a[1][j], b[1][j]);
    }
    return a;
  }

  /** Least and largest value of each channel. */
  private static double[][] extremes(String site, Tensor x) {
    double[][] out = new double[2][];
    Torch.run(
        () -> {
          Tensor flat = x.reshape(-1, x.size(-1));
          out[0] = Torch.toDoubles(flat.amin(new long[] {0}, false));
          out[1] = Torch.toDoubles(flat.amax(new long[] {0}, false));
        });
    for (int j = 0; j < out[0].length; j++) {
      if (!Double.isFinite(out[1][j] - out[0][j])) {
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
    return out;
  }

  private static ChannelRanges join(List<double[][]> batches) {
    int width = batches.getFirst()[0].length;
    double[] largest = new double[width];
    double[] middle = new double[width];
    for (int b = 0; b < batches.size(); b++) {
      double[] low = batches.get(b)[0];
      double[] high = batches.get(b)[1];
      for (int j = 0; j < width; j++) {
        largest[j] = Math.max(largest[j], Math.max(-low[j], high[j]));
        double half = (low[j] + high[j]) / 2;
        middle[j] = b == 0 ? half : KEPT * middle[j] + (1 - KEPT) * half;
      }
    }
    return new ChannelRanges(largest, middle);
  }
}
