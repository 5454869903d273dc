package dev.nibble.compress.transform;

import dev.nibble.compress.BlockTask;
import dev.nibble.compress.CalibrationRun;
import dev.nibble.core.NibbleException;
import dev.nibble.models.Block;
import dev.nibble.models.Site;
import dev.nibble.models.Stage;
import dev.nibble.models.Torch;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * What the calibration data looks like where a stage of a block reads it. Owns its tensors.
 *
 * @param meanAbs mean over all tokens of {@code |x|}, by channel
 * @param maxAbs maximum over all tokens of {@code |x|}, by channel
 * @param sample {@code [tokens, in]}, evenly spaced
 * @param sequences {@code [batch, seq, in]}, evenly spaced among the batches; whole ones, because
 *     attention needs them. Of an expert, what the router sends it; perhaps none
 */
record StageInputs(double[] meanAbs, double[] maxAbs, Tensor sample, List<Tensor> sequences)
    implements AutoCloseable {

  /**
   * Runs all calibration batches through the block.
   *
   * @param sampleTokens tokens of {@link #sample}, about
   * @param searchTokens tokens of {@link #sequences}, at least, if there are as many
   * @return by site name; sites of a stage share one
   * @throws NibbleException when an input holds a value that is not finite
   */
  static Map<String, StageInputs> gather(BlockTask task, int sampleTokens, int searchTokens) {
    Block block = task.block();
    int batches = task.batches();
    int wanted =
        (int) Math.clamp(Math.ceilDiv(searchTokens, CalibrationRun.tokens(task, 0)), 1L, batches);
    int stride = Math.max(1, batches / wanted);
    int perBatch = Math.max(1, Math.ceilDiv(sampleTokens, batches));
    List<Map<String, Partial>> partials = new ArrayList<>();
    for (int b = 0; b < batches; b++) {
      partials.add(new HashMap<>());
    }
    task.workers()
        .forEach(
            batches,
            b -> {
              Map<String, Partial> seen = partials.get(b);
              CalibrationRun.observe(
                  task,
                  b,
                  (site, x) -> {
                    if (leads(block, site)) {
                      seen.put(site, Partial.of(site, x, perBatch, b % stride == 0));
                    }
                  });
            });
    Map<String, StageInputs> out = new HashMap<>();
    for (Stage stage : block.stages()) {
      String first = stage.sites().getFirst().name();
      List<Partial> seen =
          partials.stream().map(p -> p.get(first)).filter(Objects::nonNull).toList();
      StageInputs joined = seen.isEmpty() ? none(stage.sites().getFirst().inputs()) : join(seen);
      stage.sites().forEach(site -> out.put(site.name(), joined));
    }
    return out;
  }

  private static boolean leads(Block block, String site) {
    return block.stages().stream()
        .map(Stage::sites)
        .map(List::getFirst)
        .map(Site::name)
        .anyMatch(site::equals);
  }

  /** Of an expert that no token goes to. */
  private static StageInputs none(int width) {
    Tensor sample = Torch.owned(() -> Torch.empty(ScalarType.Float, 0, width));
    return new StageInputs(new double[width], new double[width], sample, List.of());
  }

  /** True when no token reached the stage, which happens to experts. */
  boolean unseen() {
    return sample.size(0) == 0;
  }

  private static StageInputs join(List<Partial> partials) {
    int width = partials.getFirst().sumAbs().length;
    double[] mean = new double[width];
    double[] max = new double[width];
    long tokens = 0;
    List<Tensor> sequences = new ArrayList<>();
    for (Partial p : partials) {
      tokens += p.tokens();
      for (int j = 0; j < width; j++) {
        mean[j] += p.sumAbs()[j];
        max[j] = Math.max(max[j], p.maxAbs()[j]);
      }
      if (p.whole() != null) {
        sequences.add(p.whole());
      }
    }
    for (int j = 0; j < width; j++) {
      mean[j] /= tokens;
    }
    Tensor sample =
        Torch.owned(
            () ->
                torch.cat(
                    new TensorVector(partials.stream().map(Partial::sample).toArray(Tensor[]::new)),
                    0));
    partials.forEach(p -> p.sample().close());
    return new StageInputs(mean, max, sample, sequences);
  }

  @Override
  public void close() {
    sample.close();
    sequences.forEach(Tensor::close);
  }

  /** One batch's share. */
  private record Partial(
      long tokens, double[] sumAbs, double[] maxAbs, Tensor sample, Tensor whole) {

    static Partial of(String site, Tensor x, int sampled, boolean whole) {
      Tensor flat = x.reshape(-1, x.size(-1));
      Tensor abs = flat.abs();
      double[] max = Torch.toDoubles(abs.amax(new long[] {0}, false));
      for (int j = 0; j < max.length; j++) {
        if (!Double.isFinite(max[j])) {
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
      double[] sum = Torch.toDoubles(abs.to(ScalarType.Double).sum(0));
      return new Partial(
          flat.size(0),
          sum,
          max,
          Torch.keep(rows(flat, sampled)),
          whole ? Torch.keep(x.clone()) : null);
    }

    private static Tensor rows(Tensor flat, int sampled) {
      long count = Math.min(sampled, flat.size(0));
      long[] index = new long[Math.toIntExact(count)];
      for (int i = 0; i < index.length; i++) {
        index[i] = i * flat.size(0) / count;
      }
      return flat.index_select(0, Torch.fromLongs(index, index.length));
    }
  }
}
