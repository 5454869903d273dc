package dev.nibble.compress.allocate;

import dev.nibble.compress.ModelTask;
import dev.nibble.models.Block;
import dev.nibble.models.BlockContext;
import dev.nibble.models.ResidentModel;
import dev.nibble.models.Torch;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * The whole network in memory with the inputs of every block, so that after a change to one block
 * only what lies behind it is run again. Memory: all weights in fp32, and {@code 4 · hidden} bytes
 * a token and block. Sequences run in parallel; sums are in their order.
 */
final class Replay implements AutoCloseable {
  private final ModelTask task;
  private final int[][] sequences;
  private final ResidentModel model;
  private final List<List<Tensor>> inputs = new ArrayList<>();
  private final List<Tensor> original = new ArrayList<>();
  private final double loss;

  /** What leaves the network, compared or not. */
  record Result(double loss, double divergence) {}

  Replay(ModelTask task, int[][] sequences) {
    this.task = task;
    this.sequences = sequences;
    this.model = ResidentModel.load(task.model());
    try {
      List<Tensor> tokens = new ArrayList<>();
      for (int[] sequence : sequences) {
        tokens.add(Torch.tokens(sequence));
      }
      inputs.add(tokens);
      for (Block block : model.blocks()) {
        List<Tensor> before = inputs.getLast();
        List<Tensor> after = new ArrayList<>(Collections.nCopies(sequences.length, null));
        inputs.add(after);
        task.workers()
            .forEach(
                sequences.length,
                s ->
                    after.set(
                        s, Torch.owned(() -> block.forward(before.get(s), BlockContext.PLAIN))));
      }
      List<Tensor> logits = inputs.removeLast();
      double[] losses = new double[sequences.length];
      for (int s = 0; s < sequences.length; s++) {
        Tensor each = logits.get(s);
        losses[s] = loss(s, each);
        original.add(Torch.owned(() -> each.squeeze(0).to(ScalarType.Float).log_softmax(-1)));
        each.close();
      }
      this.loss = mean(losses);
    } catch (RuntimeException | Error e) {
      close();
      throw e;
    }
  }

  /** Embedding, decoder blocks, head; to be changed in place and put back by the caller. */
  List<Block> blocks() {
    return model.blocks();
  }

  /** Mean next-token cross-entropy of the unchanged network, nats. */
  double loss() {
    return loss;
  }

  /** Mean next-token cross-entropy with what blocks from {@code block} on are now. */
  double loss(int block) {
    return loss(block, x -> x);
  }

  /**
   * The same with another input of the block.
   *
   * @param changed applied to the input, on several threads, without gradients
   */
  double loss(int block, UnaryOperator<Tensor> changed) {
    double[] losses = new double[sequences.length];
    task.workers()
        .forEach(
            sequences.length,
            s ->
                Torch.noGrad(
                    () -> {
                      losses[s] = loss(s, run(block, changed.apply(inputs.get(block).get(s))));
                      return null;
                    }));
    return mean(losses);
  }

  /** Mean divergence from the unchanged network over all positions, nats. */
  double divergence(int block) {
    double[] sums = new double[sequences.length];
    task.workers()
        .forEach(
            sequences.length,
            s ->
                Torch.noGrad(
                    () -> {
                      Tensor p = original.get(s).to(ScalarType.Double);
                      Tensor q =
                          run(block, inputs.get(block).get(s))
                              .squeeze(0)
                              .to(ScalarType.Double)
                              .log_softmax(-1);
                      sums[s] = p.exp().mul(p.sub(q)).sum().item_double() / sequences[s].length;
                      return null;
                    }));
    return Math.max(0, mean(sums));
  }

  /** Logits. */
  private Tensor run(int from, Tensor input) {
    List<Block> blocks = model.blocks();
    Tensor x = blocks.get(from).forward(input, BlockContext.PLAIN);
    for (Block block : blocks.subList(from + 1, blocks.size())) {
      Tensor next = block.forward(x, BlockContext.PLAIN);
      x.close();
      x = next;
    }
    return x;
  }

  private double loss(int sequence, Tensor logits) {
    double[] value = new double[1];
    Torch.run(
        () -> value[0] = Losses.nextToken(sequence, sequences[sequence], logits).item_double());
    return value[0];
  }

  private static double mean(double[] values) {
    double sum = 0;
    for (double v : values) {
      sum += v;
    }
    return sum / values.length;
  }

  @Override
  public void close() {
    inputs.forEach(list -> list.stream().filter(t -> t != null).forEach(Tensor::close));
    original.forEach(Tensor::close);
    model.close();
  }

  /** Replaces values of a parameter while {@code body} runs, bit for bit put back afterwards. */
  static double with(Block block, String parameter, Tensor values, ToDouble body) {
    Tensor live = block.parameter(parameter);
    Tensor saved = Torch.owned(live::clone);
    try {
      copy(live, values);
      return body.value();
    } finally {
      copy(live, saved);
      saved.close();
    }
  }

  private static void copy(Tensor to, Tensor from) {
    Torch.noGrad(
        () -> {
          to.copy_(from);
          return null;
        });
  }

  /** A number, computed. */
  @FunctionalInterface
  interface ToDouble {
    /** The number. */
    double value();
  }
}
