package dev.nibble.compress.codebook;

import dev.nibble.compress.BlockTask;
import dev.nibble.models.Block;
import dev.nibble.models.BlockContext;
import dev.nibble.models.Torch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.DoubleSupplier;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Mean square between what a block makes of its quantized-prefix inputs and what the original block
 * makes of the same inputs, and its gradient with respect to some of the block's parameters (sheet
 * 31a, step 7). Calibration batches are independent tasks whose parts are added in order.
 */
public final class BlockGradients implements AutoCloseable {
  private final BlockTask task;
  private final List<String> names;
  private final Block original;

  /**
   * Loads the original block.
   *
   * @param names parameters that gradients are wanted of
   */
  public BlockGradients(BlockTask task, List<String> names) {
    this.task = task;
    this.names = List.copyOf(names);
    this.original = task.loadOriginal();
  }

  /** Mean square over batches {@code [from, to)}. */
  public double loss(int from, int to) {
    double[] losses = new double[to - from];
    task.workers()
        .forEach(
            losses.length,
            i -> losses[i] = noGrad(() -> square(from + i, false, new ArrayList<>())));
    return Arrays.stream(losses).average().orElse(0);
  }

  private static double noGrad(DoubleSupplier body) {
    return Torch.noGrad(body::getAsDouble);
  }

  /**
   * Mean square over some batches and its gradients.
   *
   * @param batches calibration batches
   * @param gradients one array for each parameter, set
   */
  public double gradients(int[] batches, List<float[]> gradients) {
    for (String name : names) {
      Torch.run(() -> task.block().parameter(name).set_requires_grad(true));
    }
    try {
      gradients.forEach(g -> Arrays.fill(g, 0f));
      double sum = 0;
      int wave = task.workers().threads(); // bounds memory only: the order of adding is fixed
      for (int first = 0; first < batches.length; first += wave) {
        sum += wave(batches, first, Math.min(wave, batches.length - first), gradients);
      }
      for (float[] gradient : gradients) {
        for (int i = 0; i < gradient.length; i++) {
          gradient[i] /= batches.length;
        }
      }
      return sum / batches.length;
    } finally {
      for (String name : names) {
        Torch.run(() -> task.block().parameter(name).set_requires_grad(false));
      }
    }
  }

  private double wave(int[] batches, int first, int count, List<float[]> gradients) {
    double[] losses = new double[count];
    List<List<float[]>> parts = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      parts.add(new ArrayList<>());
    }
    task.workers()
        .forEach(
            count,
            i -> losses[i] = Torch.withGrad(() -> square(batches[first + i], true, parts.get(i))));
    double sum = 0;
    for (int i = 0; i < count; i++) {
      sum += losses[i];
      for (int p = 0; p < names.size(); p++) {
        float[] total = gradients.get(p);
        float[] part = parts.get(i).get(p);
        for (int k = 0; k < total.length; k++) {
          total[k] += part[k];
        }
      }
    }
    return sum;
  }

  private double square(int batch, boolean gradient, List<float[]> found) {
    Tensor input = task.input(batch);
    try {
      Tensor target = Torch.noGrad(() -> original.forward(input, BlockContext.PLAIN));
      Tensor loss = task.block().forward(input, BlockContext.PLAIN).sub(target).square().mean();
      if (gradient) {
        TensorVector wanted = new TensorVector();
        names.forEach(name -> wanted.push_back(task.block().parameter(name)));
        TensorVector out = torch.grad(new TensorVector(loss), wanted);
        for (long i = 0; i < out.size(); i++) {
          found.add(Torch.toFloats(out.get(i)));
        }
      }
      return loss.detach().sum(new ScalarTypeOptional(ScalarType.Double)).item_double();
    } finally {
      input.close();
    }
  }

  @Override
  public void close() {
    original.close();
  }
}
