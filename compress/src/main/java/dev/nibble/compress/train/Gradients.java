package dev.nibble.compress.train;

import dev.nibble.core.work.Workers;
import dev.nibble.models.Block;
import dev.nibble.models.BlockContext;
import dev.nibble.models.ResidentModel;
import dev.nibble.models.Torch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * Mean next-token loss of a batch and its gradient. Micro-batches run in parallel, each on one
 * thread; their gradients are added in index order, so the sum is the same for any number of
 * threads.
 */
final class Gradients {
  private final ResidentModel model;
  private final List<Tensor> parameters;
  private final Schedule schedule;
  private final long seed;
  private final Workers workers;

  /** Borrows the model, whose parameters require gradients. */
  Gradients(ResidentModel model, Schedule schedule, long seed, Workers workers) {
    this.model = model;
    this.parameters = List.copyOf(model.parameters().values());
    this.schedule = schedule;
    this.seed = seed;
    this.workers = workers;
  }

  /**
   * Loss and gradients of one step.
   *
   * @param loss mean over all predicted tokens, nats
   * @param gradients one for every parameter; the holder closes them
   */
  record Result(double loss, List<Tensor> gradients) {}

  /**
   * Runs a batch.
   *
   * @param windows {@code [batch][length + 1]}
   */
  Result run(int[][] windows, int step) {
    int count = schedule.microBatches();
    double[] losses = new double[count];
    List<List<Tensor>> parts = new ArrayList<>(java.util.Collections.nCopies(count, List.of()));
    workers.forEach(
        count,
        i -> {
          int from = i * schedule.microBatch();
          int[][] rows = Arrays.copyOfRange(windows, from, from + schedule.microBatch());
          parts.set(
              i, microBatch(rows, new SplittableRandom(seed + step * 1_000_003L + i), losses, i));
        });
    Tensor[] sums = new Tensor[parameters.size()];
    workers.forEach(sums.length, p -> sums[p] = sum(parts, p));
    return new Result(Arrays.stream(losses).sum(), List.of(sums));
  }

  private static Tensor sum(List<List<Tensor>> parts, int parameter) {
    Tensor sum = parts.getFirst().get(parameter);
    Torch.noGrad(
        () -> {
          for (List<Tensor> part : parts.subList(1, parts.size())) {
            sum.add_(part.get(parameter));
          }
          return null;
        });
    for (List<Tensor> part : parts.subList(1, parts.size())) {
      part.get(parameter).close();
    }
    return sum;
  }

  /** Gradients of {@code loss / microBatches}. */
  private List<Tensor> microBatch(
      int[][] rows, SplittableRandom random, double[] losses, int slot) {
    return Torch.withGrad(
        () -> {
          Tensor loss = loss(rows, random);
          losses[slot] = loss.item_double();
          TensorVector wanted = new TensorVector(parameters.toArray(Tensor[]::new));
          TensorVector found =
              torch.grad(
                  new TensorVector(loss),
                  wanted,
                  new TensorVector(),
                  new BoolOptional(),
                  false,
                  true);
          List<Tensor> out = new ArrayList<>();
          for (int i = 0; i < parameters.size(); i++) {
            Tensor gradient = found.get(i);
            // an expert that no token of the batch went to has none
            out.add(
                gradient.defined() ? gradient.contiguous() : torch.zeros_like(parameters.get(i)));
          }
          return out;
        });
  }

  private Tensor loss(int[][] rows, SplittableRandom random) {
    int length = schedule.length();
    int[][] inputs = new int[rows.length][];
    long[] targets = new long[rows.length * length];
    for (int r = 0; r < rows.length; r++) {
      inputs[r] = Arrays.copyOf(rows[r], length);
      for (int i = 0; i < length; i++) {
        targets[r * length + i] = rows[r][i + 1];
      }
    }
    Tensor logits = forward(Torch.tokens(inputs), random);
    Tensor flat = logits.reshape(targets.length, -1);
    Tensor labels = Torch.fromLongs(targets, targets.length);
    return torch.cross_entropy_loss(flat, labels).div(new Scalar((double) schedule.microBatches()));
  }

  /** As {@link ResidentModel#forward}, with dropout on the embedding and on what blocks add. */
  private Tensor forward(Tensor tokens, SplittableRandom random) {
    if (schedule.dropout() == 0) {
      return model.forward(tokens, BlockContext.PLAIN);
    }
    List<Block> blocks = model.blocks();
    Tensor x = blocks.getFirst().forward(tokens, BlockContext.PLAIN);
    x = x.mul(mask(x, random));
    for (Block block : blocks.subList(1, blocks.size() - 1)) {
      Tensor added = block.forward(x, BlockContext.PLAIN).sub(x);
      x = x.add(added.mul(mask(x, random)));
    }
    return blocks.getLast().forward(x, BlockContext.PLAIN);
  }

  /** 0 with the probability of dropout, else {@code 1 / (1 - dropout)}. */
  private Tensor mask(Tensor like, SplittableRandom random) {
    float[] values = new float[Math.toIntExact(like.numel())];
    int limit = (int) Math.round(schedule.dropout() * 65536);
    float kept = 65536f / (65536 - limit);
    for (int i = 0; i < values.length; i += 4) {
      long bits = random.nextLong();
      for (int j = i; j < Math.min(i + 4, values.length); j++, bits >>>= 16) {
        values[j] = (bits & 0xffff) < limit ? 0 : kept;
      }
    }
    return Torch.fromFloats(values, Torch.shape(like));
  }
}
