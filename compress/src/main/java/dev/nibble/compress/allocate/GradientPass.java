package dev.nibble.compress.allocate;

import dev.nibble.compress.ModelTask;
import dev.nibble.core.NibbleException;
import dev.nibble.core.progress.Progress;
import dev.nibble.models.Block;
import dev.nibble.models.BlockContext;
import dev.nibble.models.BlockHandle;
import dev.nibble.models.Torch;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * One pass forward and one back through the original network, with one block in memory: the input
 * of every block is kept from the way forward ({@code 4 · hidden} bytes a token and block), and on
 * the way back a block is loaded once more, run with gradients, and dropped. Sequences are
 * independent and run in parallel; what they find goes to slots of their index.
 */
final class GradientPass {

  /** What is differentiated. */
  interface Loss {
    /**
     * A scalar.
     *
     * @param sequence index
     * @param tokens of the sequence
     * @param logits {@code [1, seq, vocab]}
     */
    Tensor of(int sequence, int[] tokens, Tensor logits);
  }

  /** Sees the gradients, from the head to the embedding. */
  interface Visitor {
    /** Canonical names of the parameters whose gradients are wanted. */
    List<String> wanted(BlockHandle block);

    /**
     * A block is about to be differentiated. Called on the caller's thread.
     *
     * @param inputs of the block, one a sequence, {@code [1, seq, hidden]}; to be left alone
     */
    default void arrive(int index, Block block, List<Tensor> inputs) {}

    /**
     * Gradients of one sequence. Called from several threads.
     *
     * @param input of the block
     * @param inputGradient of the loss with respect to it; null at the embedding
     * @param parameters gradients of the wanted parameters, valid during the call
     */
    void gradients(
        int index,
        int sequence,
        Block block,
        Tensor input,
        Tensor inputGradient,
        Map<String, Tensor> parameters);

    /** All sequences have passed a block. */
    default void leave(int index, Block block) {}
  }

  private final ModelTask task;
  private final int[][] sequences;
  private final Loss loss;
  private final Visitor visitor;
  private final List<BlockHandle> blocks;
  private final List<List<Tensor>> inputs = new ArrayList<>();
  private List<Tensor> upstream;

  private GradientPass(ModelTask task, int[][] sequences, Loss loss, Visitor visitor) {
    this.task = task;
    this.sequences = sequences;
    this.loss = loss;
    this.visitor = visitor;
    this.blocks = task.model().blocks();
  }

  /**
   * Runs both ways.
   *
   * @param what shown as progress
   * @throws NibbleException when the loss of a sequence is not finite
   */
  static void run(ModelTask task, int[][] sequences, Loss loss, Visitor visitor, String what) {
    GradientPass pass = new GradientPass(task, sequences, loss, visitor);
    try (Progress.Task progress = task.progress().start(what, 2L * pass.blocks.size(), "blocks")) {
      pass.forward(progress);
      pass.backward(progress);
    } finally {
      pass.inputs.forEach(GradientPass::free);
      free(pass.upstream);
    }
  }

  private static void free(List<Tensor> tensors) {
    if (tensors != null) {
      tensors.forEach(
          t -> {
            if (t != null) {
              t.close();
            }
          });
    }
  }

  private List<Tensor> slots() {
    return new ArrayList<>(Collections.nCopies(sequences.length, null));
  }

  private void forward(Progress.Task progress) {
    List<Tensor> now = slots();
    inputs.add(now);
    for (int s = 0; s < sequences.length; s++) {
      now.set(s, Torch.tokens(sequences[s]));
    }
    for (int b = 0; b < blocks.size() - 1; b++) {
      List<Tensor> before = inputs.getLast();
      List<Tensor> after = slots();
      inputs.add(after);
      try (Block block = blocks.get(b).load()) {
        task.workers()
            .forEach(
                sequences.length,
                s ->
                    after.set(
                        s, Torch.owned(() -> block.forward(before.get(s), BlockContext.PLAIN))));
      }
      progress.advance(1);
    }
    progress.advance(1);
  }

  private void backward(Progress.Task progress) {
    for (int b = blocks.size() - 1; b >= 0; b--) {
      int index = b;
      List<String> wanted = visitor.wanted(blocks.get(b));
      List<Tensor> next = slots();
      try (Block block = blocks.get(b).load()) {
        visitor.arrive(b, block, inputs.get(b));
        Torch.run(() -> wanted.forEach(name -> block.parameter(name).set_requires_grad(true)));
        task.workers()
            .forEach(sequences.length, s -> next.set(s, gradients(index, s, block, wanted)));
        visitor.leave(b, block);
      } finally {
        free(upstream);
        upstream = next;
        free(inputs.removeLast());
      }
      progress.advance(1);
    }
  }

  /** Gradient of the block's input, out of every scope; null at the embedding. */
  private Tensor gradients(int index, int sequence, Block block, List<String> wanted) {
    Tensor[] kept = new Tensor[1];
    Torch.run(
        () ->
            Torch.withGrad(
                () -> {
                  boolean tokens = index == 0;
                  Tensor x = inputs.get(index).get(sequence);
                  Tensor input = tokens ? x : x.detach().requires_grad_(true);
                  Tensor scalar = scalar(index, sequence, block.forward(input, BlockContext.PLAIN));
                  List<Tensor> sources = new ArrayList<>();
                  if (!tokens) {
                    sources.add(input);
                  }
                  wanted.forEach(name -> sources.add(block.parameter(name)));
                  if (sources.isEmpty()) {
                    return null;
                  }
                  TensorVector found =
                      torch.grad(
                          new TensorVector(scalar),
                          new TensorVector(sources.toArray(Tensor[]::new)));
                  Map<String, Tensor> parameters = new LinkedHashMap<>();
                  int first = tokens ? 0 : 1;
                  for (int i = 0; i < wanted.size(); i++) {
                    parameters.put(wanted.get(i), found.get(first + i));
                  }
                  Tensor inputGradient = tokens ? null : found.get(0).contiguous();
                  visitor.gradients(index, sequence, block, x.detach(), inputGradient, parameters);
                  kept[0] = tokens ? null : Torch.keep(inputGradient);
                  return null;
                }));
    return kept[0];
  }

  private Tensor scalar(int index, int sequence, Tensor output) {
    if (index < blocks.size() - 1) {
      return output.mul(upstream.get(sequence)).sum();
    }
    Tensor value = loss.of(sequence, sequences[sequence], output);
    if (!Double.isFinite(value.item_double())) {
      throw new NibbleException(
          "the loss of calibration sequence "
              + sequence
              + " is not finite, so it has no gradient; repair the model or calibrate on other"
              + " text");
    }
    return value;
  }
}
