package dev.nibble.compress.tune;

import dev.nibble.compress.BlockTask;
import dev.nibble.compress.train.AdamW;
import dev.nibble.core.NibbleException;
import dev.nibble.models.Torch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.bytedeco.pytorch.Tensor;

/**
 * The loop that tuners share: trains a {@link Reparameterization} of the block at hand so that, on
 * what the quantized prefix feeds it, the block comes close to what the original one makes of the
 * original inputs (block reconstruction: BRECQ, Li et al. 2021; with the losses of OmniQuant, Shao
 * et al. 2024, equation 1).
 *
 * <p>Each epoch passes once over the training sequences in an order of its own, {@code batch_size}
 * sequences an update of AdamW (betas 0.9 and 0.999). After each epoch the loss on held-out
 * sequences is taken; the best state is left in the trainables, the first one included, so that
 * this loss never rises. A loss or gradient that is not finite ends the training of the block with
 * the event {@code STEP.non-finite} and the best state so far; the course of the loss becomes the
 * event {@code STEP.loss}.
 *
 * <p>Sequences and stand-ins are independent tasks; the same bits for any number of threads.
 */
public final class BlockTuner {
  private static final double BETA1 = 0.9;
  private static final double BETA2 = 0.999;

  private final BlockTask task;
  private final String step;
  private final TuneOptions options;

  /**
   * @param task with inputs of both kinds
   * @param step recipe key, for events and messages
   */
  public BlockTuner(BlockTask task, String step, TuneOptions options) {
    this.task = task;
    this.step = step;
    this.options = options;
  }

  /**
   * What training did.
   *
   * @param before held-out loss of the state that training began with, a mean square
   * @param after held-out loss of the state that was kept; at most {@code before}
   * @param curve held-out loss after each epoch
   * @param finite false when training ended early because of a value that was not finite
   */
  public record Outcome(double before, double after, List<Double> curve, boolean finite) {
    /** Copies the list. */
    public Outcome {
      curve = List.copyOf(curve);
    }
  }

  /** Held-out loss of a state; may be anything but finite. */
  public double loss(Reparameterization what) {
    try (Samples samples = new Samples(task, options)) {
      return new BlockLoss(task, samples, what).value(samples.heldOut());
    }
  }

  /**
   * Trains, and leaves the best state in the trainables.
   *
   * @throws NibbleException when the loss is not finite before anything was trained, naming the
   *     block
   */
  public Outcome tune(Reparameterization what) {
    try (Samples samples = new Samples(task, options);
        Best best = new Best(what.trainables())) {
      BlockLoss loss = new BlockLoss(task, samples, what);
      double before = loss.value(samples.heldOut());
      if (!Double.isFinite(before)) {
        throw new NibbleException(
            step
                + ": the output of "
                + task.block().name()
                + " on the calibration data is not finite before tuning; check the model's weights"
                + " and use other calibration text",
            NibbleException.BAD_INPUT,
            null);
      }
      best.offer(before);
      List<Double> curve = new ArrayList<>();
      boolean finite = train(samples, loss, what, best, curve);
      best.restore();
      report(before, best.loss(), curve);
      return new Outcome(before, best.loss(), curve, finite);
    }
  }

  /** Returns whether all values were finite. */
  private boolean train(
      Samples samples, BlockLoss loss, Reparameterization what, Best best, List<Double> curve) {
    int perEpoch = Math.ceilDiv(samples.shuffled(0).length, options.batchSize());
    try (Optimizers optimizers =
        new Optimizers(what.trainables(), options, perEpoch * options.epochs(), task)) {
      for (int epoch = 0, update = 0; epoch < options.epochs(); epoch++) {
        what.begin(epoch, options.epochs());
        int[] order = samples.shuffled(epoch);
        for (int from = 0; from < order.length; from += options.batchSize(), update++) {
          int to = Math.min(order.length, from + options.batchSize());
          BlockLoss.Result found = loss.gradients(Arrays.copyOfRange(order, from, to));
          boolean finite =
              optimizers.step(found.gradients(), update) && Double.isFinite(found.loss());
          found.gradients().forEach(Tensor::close);
          if (!finite) {
            return broken(epoch);
          }
          what.project();
        }
        double heldOut = loss.value(samples.heldOut());
        if (!Double.isFinite(heldOut)) {
          return broken(epoch);
        }
        curve.add(heldOut);
        best.offer(heldOut);
      }
    }
    return true;
  }

  private boolean broken(int epoch) {
    task.events()
        .record(
            step + ".non-finite",
            task.block().name(),
            "loss or gradient not finite in epoch " + (epoch + 1) + "; kept the best state before");
    return false;
  }

  private void report(double before, double after, List<Double> curve) {
    String course =
        curve.stream()
            .map(value -> String.format(Locale.ROOT, "%.4g", value))
            .collect(Collectors.joining(" "));
    task.events()
        .record(
            step + ".loss",
            task.block().name(),
            String.format(
                Locale.ROOT,
                "held-out loss %.4g before and %.4g after; by epoch: %s",
                before,
                after,
                course));
  }

  /** The state with the least loss so far. */
  private static final class Best implements AutoCloseable {
    private final List<Trainable> trainables;
    private final List<Tensor> values = new ArrayList<>();
    private double loss = Double.POSITIVE_INFINITY;

    Best(List<Trainable> trainables) {
      this.trainables = trainables;
    }

    double loss() {
      return loss;
    }

    void offer(double found) {
      if (found < loss) {
        loss = found;
        close();
        values.clear();
        trainables.forEach(t -> values.add(Torch.owned(() -> t.value().clone())));
      }
    }

    void restore() {
      for (int i = 0; i < values.size(); i++) {
        Tensor from = values.get(i);
        Tensor to = trainables.get(i).value();
        Torch.noGrad(
            () -> {
              to.copy_(from);
              return null;
            });
      }
    }

    @Override
    public void close() {
      values.forEach(Tensor::close);
    }
  }

  /** One AdamW for each learning rate. */
  private static final class Optimizers implements AutoCloseable {
    private final List<Trainable> trainables;
    private final Map<Double, AdamW> byRate = new LinkedHashMap<>();

    Optimizers(List<Trainable> trainables, TuneOptions options, int updates, BlockTask task) {
      this.trainables = trainables;
      Map<Double, Map<String, Tensor>> groups = new LinkedHashMap<>();
      for (Trainable t : trainables) {
        groups
            .computeIfAbsent(t.learningRate(), rate -> new LinkedHashMap<>())
            .put(t.name(), t.value());
      }
      groups.forEach(
          (rate, parameters) ->
              byRate.put(
                  rate,
                  new AdamW(
                      parameters,
                      new AdamW.Rule(
                          BETA1,
                          BETA2,
                          options.weightDecay(),
                          Double.POSITIVE_INFINITY,
                          update -> rate * options.share(update, updates)),
                      task.workers())));
    }

    /** Returns whether all gradients were finite; else some trainables have not been changed. */
    boolean step(List<Tensor> gradients, int update) {
      boolean finite = true;
      for (Map.Entry<Double, AdamW> group : byRate.entrySet()) {
        List<Tensor> own = new ArrayList<>();
        for (int i = 0; i < gradients.size(); i++) {
          if (trainables.get(i).learningRate() == group.getKey()) {
            own.add(gradients.get(i));
          }
        }
        finite &= Double.isFinite(group.getValue().step(own, update));
      }
      return finite;
    }

    @Override
    public void close() {
      byRate.values().forEach(AdamW::close);
    }
  }
}
