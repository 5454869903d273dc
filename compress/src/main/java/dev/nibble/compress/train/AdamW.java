package dev.nibble.compress.train;

import dev.nibble.core.work.Workers;
import dev.nibble.models.Torch;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntToDoubleFunction;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Adam with decoupled weight decay (Loshchilov, Hutter 2019, algorithm 2) and clipping by global
 * norm. Matrices decay, the embedding included since it is the head as well; norm gains do not.
 *
 * <p>With gradient g, step t from 1 and rate r: {@code m = b1 m + (1 - b1) g}, {@code v = b2 v + (1
 * - b2) g^2}, {@code w = w (1 - r decay) - r m/(1 - b1^t) / (sqrt(v/(1 - b2^t)) + eps)}.
 */
public final class AdamW implements AutoCloseable {
  private static final double EPSILON = 1e-8;

  private final Rule rule;
  private final List<Slot> slots = new ArrayList<>();
  private final Workers workers;

  /** A parameter, borrowed, and its moments, owned. */
  record Slot(String name, Tensor value, Tensor first, Tensor second) {}

  /**
   * Constants of the update.
   *
   * @param beta1 decay of the first moment
   * @param beta2 decay of the second moment
   * @param weightDecay decoupled decay of matrices
   * @param clip largest global norm of the gradient
   * @param rate learning rate of a step, counted from 0
   */
  public record Rule(
      double beta1, double beta2, double weightDecay, double clip, IntToDoubleFunction rate) {}

  /** Moments start at zero. Parameters are borrowed. */
  public AdamW(Map<String, Tensor> parameters, Rule rule, Workers workers) {
    this.rule = rule;
    this.workers = workers;
    parameters.forEach(
        (name, value) ->
            slots.add(
                new Slot(
                    name,
                    value,
                    Torch.scope(() -> torch.zeros_like(value.detach())),
                    Torch.scope(() -> torch.zeros_like(value.detach())))));
  }

  /** Parameters and moments by name, {@code value/}, {@code first/} and {@code second/} first. */
  Map<String, Tensor> state() {
    Map<String, Tensor> out = new LinkedHashMap<>();
    for (Slot slot : slots) {
      out.put("value/" + slot.name(), slot.value());
      out.put("first/" + slot.name(), slot.first());
      out.put("second/" + slot.name(), slot.second());
    }
    return out;
  }

  /**
   * Changes the parameters.
   *
   * @param gradients in the parameters' order; read only
   * @param step counted from 0
   * @return norm of the gradient before clipping; nothing is changed when it is not finite
   */
  public double step(List<Tensor> gradients, int step) {
    double[] squares = new double[slots.size()];
    workers.forEach(squares.length, i -> squares[i] = squareSum(gradients.get(i)));
    double total = 0;
    for (double square : squares) {
      total += square;
    }
    double norm = Math.sqrt(total);
    if (Double.isFinite(norm)) {
      double scale = norm > rule.clip() ? rule.clip() / norm : 1;
      workers.forEach(squares.length, i -> update(slots.get(i), gradients.get(i), scale, step));
    }
    return norm;
  }

  private static double squareSum(Tensor gradient) {
    double[] out = new double[1];
    Torch.noGrad(
        () -> {
          out[0] = gradient.square().sum().item_double();
          return null;
        });
    return out[0];
  }

  private void update(Slot slot, Tensor gradient, double scale, int step) {
    double b1 = rule.beta1();
    double b2 = rule.beta2();
    double rate = rule.rate().applyAsDouble(step);
    double correction1 = 1 - Math.pow(b1, step + 1.0);
    double correction2 = 1 - Math.pow(b2, step + 1.0);
    boolean decays = slot.value().dim() > 1;
    Torch.noGrad(
        () -> {
          Tensor g = gradient.mul(new Scalar(scale));
          slot.first().mul_(new Scalar(b1)).add_(g, new Scalar(1 - b1));
          slot.second().mul_(new Scalar(b2)).addcmul_(g, g, new Scalar(1 - b2));
          Tensor deviation =
              slot.second().div(new Scalar(correction2)).sqrt_().add_(new Scalar(EPSILON));
          if (decays) {
            slot.value().mul_(new Scalar(1 - rate * rule.weightDecay()));
          }
          slot.value().addcdiv_(slot.first(), deviation, new Scalar(-rate / correction1));
          return null;
        });
  }

  @Override
  public void close() {
    for (Slot slot : slots) {
      slot.first().close();
      slot.second().close();
    }
  }
}
