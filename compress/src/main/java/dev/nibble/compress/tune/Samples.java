package dev.nibble.compress.tune;

import dev.nibble.compress.BlockTask;
import dev.nibble.models.Block;
import dev.nibble.models.BlockContext;
import dev.nibble.models.Torch;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * The calibration sequences as a tuner sees them: what the quantized prefix feeds the block, and
 * what should come out.
 *
 * <p>With {@code aug_loss} there are two goals, {@code Y1} on original and {@code Y2} on quantized
 * inputs. As {@code |F-Y1|² + |F-Y2|² = 2|F-Y|² + |Y1-Y2|²/2} with their mean {@code Y}, that is
 * one goal with a factor and a constant.
 */
final class Samples implements AutoCloseable {
  private final BlockTask task;
  private final Block teacher;
  private final int perBatch;
  private final int[] training;
  private final int[] heldOut;

  /**
   * A sequence; its holder closes it.
   *
   * @param input {@code [1, seq, hidden]}
   * @param goal the same shape
   * @param constant what the loss is more than {@code factor · mean (F - goal)²}
   * @param factor 1, or 2 with two goals
   */
  record Sample(Tensor input, Tensor goal, double constant, double factor)
      implements AutoCloseable {
    /** Loss of the output {@code found}, differentiable but for the constant. */
    Tensor squares(Tensor found) {
      return found.sub(goal).square().mean().mul(new Scalar(factor));
    }

    @Override
    public void close() {
      input.close();
      goal.close();
    }
  }

  /** At least one batch is there. */
  Samples(BlockTask task, TuneOptions options) {
    this.task = task;
    this.perBatch = sequences(task, 0);
    int count = (task.batches() - 1) * perBatch + sequences(task, task.batches() - 1);
    int held = count < 2 ? 0 : Math.clamp(Math.round(count * options.heldOut()), 1, count - 1);
    this.heldOut =
        held == 0
            ? new int[] {0}
            : IntStream.range(0, held)
                .map(i -> (int) ((long) (i + 1) * count / held - 1))
                .toArray();
    this.training =
        held == 0
            ? new int[] {0}
            : IntStream.range(0, count).filter(i -> Arrays.binarySearch(heldOut, i) < 0).toArray();
    this.teacher = options.augLoss() ? task.loadOriginal() : null;
  }

  private static int sequences(BlockTask task, int batch) {
    try (Tensor input = task.input(batch)) {
      return Math.toIntExact(input.size(0));
    }
  }

  /** Sequences to train on, in the order of an epoch. */
  int[] shuffled(int epoch) {
    int[] out = training.clone();
    SplittableRandom random = new SplittableRandom(task.seed("epoch " + epoch));
    for (int i = out.length - 1; i > 0; i--) {
      int j = random.nextInt(i + 1);
      int swapped = out[i];
      out[i] = out[j];
      out[j] = swapped;
    }
    return out;
  }

  /** Sequences that states are judged on; the training sequence itself when there is but one. */
  int[] heldOut() {
    return heldOut.clone();
  }

  /** Reads a sequence. */
  Sample sample(int sequence) {
    int batch = sequence / perBatch;
    int row = sequence % perBatch;
    Tensor input = row(task.input(batch), row);
    Tensor first = row(task.originalOutput(batch), row);
    if (teacher == null) {
      return new Sample(input, first, 0, 1);
    }
    double[] apart = new double[1];
    Tensor goal =
        Torch.owned(
            () -> {
              Tensor second = teacher.forward(input, BlockContext.PLAIN);
              apart[0] = meanSquare(first.sub(second));
              return first.add(second).mul(new Scalar(0.5));
            });
    first.close();
    return new Sample(input, goal, apart[0] / 2, 2);
  }

  /** Mean square of the elements, summed in fp64. */
  static double meanSquare(Tensor x) {
    return x.square().sum(new ScalarTypeOptional(ScalarType.Double)).item_double() / x.numel();
  }

  private static Tensor row(Tensor batch, int row) {
    try (batch) {
      return Torch.owned(() -> batch.narrow(0, row, 1).clone());
    }
  }

  @Override
  public void close() {
    if (teacher != null) {
      teacher.close();
    }
  }
}
