package dev.nibble.compress.transform;

import dev.nibble.core.model.InMemoryWeights;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.op.SiteOps;
import dev.nibble.core.tensor.DType;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.models.Block;
import dev.nibble.models.BlockContext;
import dev.nibble.models.BlockHandle;
import dev.nibble.models.DecoderModel;
import dev.nibble.models.Torch;
import java.util.HashMap;
import java.util.Map;
import java.util.SplittableRandom;
import org.bytedeco.pytorch.Tensor;

/**
 * Runs a few random tokens through the original and the rotated blocks side by side, block by
 * block, and compares: the rotated block must map the rotated input to the rotated output.
 */
final class RotationCheck implements AutoCloseable {
  /** Largest accepted {@code ‖difference‖ / ‖reference‖}; fp32 rounding gives about 1e-6. */
  private static final double TOLERANCE = 1e-4;

  private static final int SEQUENCES = 2;
  private static final int LENGTH = 24;

  private final ModelConfig config;
  private final RotationPlan plan;
  private Tensor hidden;

  RotationCheck(ModelConfig config, RotationPlan plan, long seed) {
    this.config = config;
    this.plan = plan;
    SplittableRandom random = new SplittableRandom(seed);
    int length = Math.min(LENGTH, config.maxPositions());
    int[][] tokens = new int[SEQUENCES][length];
    for (int[] sequence : tokens) {
      for (int i = 0; i < length; i++) {
        sequence[i] = random.nextInt(config.vocabSize());
      }
    }
    this.hidden = Torch.owned(() -> Torch.tokens(tokens));
  }

  /**
   * Compares one block, in execution order.
   *
   * @param position index of the block among all blocks
   * @return the relative difference
   */
  double compare(BlockHandle.Kind kind, int position, Block original) {
    double[] difference = new double[1];
    Tensor next =
        Torch.owned(
            () -> {
              Tensor out = original.forward(hidden, BlockContext.PLAIN);
              Tensor in = kind == BlockHandle.Kind.EMBEDDING ? hidden : plan.stream(hidden);
              Tensor expected = kind == BlockHandle.Kind.HEAD ? out : plan.stream(out);
              try (Block rotated = rotated(config, plan, position, original)) {
                Tensor found = rotated.forward(in, BlockContext.PLAIN);
                difference[0] = Equivalence.relativeDifference(expected, found);
              }
              return out;
            });
    hidden.close();
    hidden = next;
    return difference[0];
  }

  static boolean accepts(double difference) {
    return difference <= TOLERANCE;
  }

  /** The same block read again through the plan's rewrites, straight from the original's memory. */
  static Block rotated(ModelConfig config, RotationPlan plan, int position, Block original) {
    Map<String, PackedTensor> tensors = new HashMap<>();
    for (String name : original.parameterNames()) {
      Tensor value = original.parameter(name);
      boolean tied = config.tiedHead() && name.equals(TensorNames.weight(TensorNames.HEAD));
      tensors.put(
          tied ? TensorNames.weight(TensorNames.EMBEDDING) : name,
          new DenseTensor(Torch.shape(value), DType.F32, Torch.view(value)));
    }
    Map<String, SiteOps> none = Map.of();
    DecoderModel scratch = DecoderModel.open(new InMemoryWeights(config, tensors, none));
    scratch.install(plan.rewrite(), plan.after());
    if (position > 0 && position <= config.layers()) {
      plan.transforms(position - 1).forEach(scratch::installTransform);
    }
    return scratch.blocks().get(position).load();
  }

  @Override
  public void close() {
    hidden.close();
  }
}
