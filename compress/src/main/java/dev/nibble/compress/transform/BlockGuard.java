package dev.nibble.compress.transform;

import dev.nibble.compress.BlockTask;
import dev.nibble.compress.CalibrationRun;
import dev.nibble.core.NibbleException;
import dev.nibble.core.op.SiteOps;
import dev.nibble.models.Block;
import dev.nibble.models.Site;
import dev.nibble.models.Torch;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/**
 * A block as it was, so that a rewrite can be checked against it and taken back. Holds a copy of
 * the parameters until closed.
 */
final class BlockGuard implements AutoCloseable {
  /** Largest accepted {@code ‖difference‖ / ‖output‖}; fp32 rounding gives about 1e-6. */
  private static final double TOLERANCE = 1e-4;

  private final BlockTask task;
  private final Block block;
  private final Map<String, Tensor> parameters = new LinkedHashMap<>();
  private final Map<String, SiteOps> operators = new LinkedHashMap<>();
  private final Tensor expected;

  /**
   * Copies the block and runs its first calibration batch.
   *
   * @throws NibbleException when a site is quantized already; {@code step} names the step that
   *     should have come first
   */
  BlockGuard(BlockTask task, String step) {
    this.task = task;
    this.block = task.block();
    for (Site site : block.sites()) {
      var state = block.state(site.name());
      if (state.inputQuant().isPresent() || state.packed().isPresent()) {
        throw new NibbleException(
            step
                + ": "
                + site.name()
                + " is quantized already; put "
                + step
                + " before solving and activation steps");
      }
      operators.put(site.name(), state.ops());
    }
    for (String name : block.parameterNames()) {
      parameters.put(name, Torch.owned(() -> block.parameter(name).clone()));
    }
    this.expected = CalibrationRun.output(task, 0);
  }

  /**
   * Compares the block's output with what it was; takes everything back and records an event when
   * it differs.
   *
   * @return whether the rewrite stays
   */
  boolean accept(String step) {
    Tensor found = CalibrationRun.output(task, 0);
    double difference = Equivalence.relativeDifference(expected, found);
    found.close();
    if (difference <= TOLERANCE) {
      return true;
    }
    restore();
    task.events()
        .record(
            step + ".rolled-back",
            block.name(),
            String.format(
                Locale.ROOT,
                "outputs of the rewritten block differ by %.2e; the block stays as it was",
                difference));
    return false;
  }

  private void restore() {
    parameters.forEach((name, value) -> Torch.run(() -> block.setParameter(name, value.clone())));
    operators.forEach((site, ops) -> block.state(site).ops(ops));
  }

  @Override
  public void close() {
    parameters.values().forEach(Tensor::close);
    expected.close();
  }
}
