package dev.nibble.compress.calibrate;

import dev.nibble.compress.BlockTask;
import dev.nibble.compress.ModelTask;
import dev.nibble.compress.Step;
import dev.nibble.core.NibbleException;
import dev.nibble.models.Block;
import dev.nibble.models.Site;
import dev.nibble.models.Stage;
import dev.nibble.models.Torch;
import java.util.List;
import java.util.Locale;
import org.bytedeco.pytorch.Tensor;

/**
 * Decides how much each calibration token counts in the Hessians of the solver that follows (RSQ,
 * Sung et al. 2025, section 3.2): {@code H = 2 Σ w_t x_t x_tᵀ} instead of {@code 2 Σ x_t x_tᵀ},
 * with the weights of a block from its input and its own unquantized weights, for each sequence.
 *
 * <p>Deviations: attention maps are never formed, their column sums come from a backward pass
 * through the attention; calibration sequences hold no padding, so nothing is masked out. Time: one
 * forward and backward pass of the attention, or less; memory: 4 bytes for each calibration token.
 */
final class TokenImportance implements Step {
  private static final String DECODER = "model.layers.";

  private final ImportanceOptions options;
  private TokenScores scores;

  TokenImportance(ImportanceOptions options) {
    this.options = options;
  }

  @Override
  public Needs needs() {
    return new Needs(true, false, options.strategy() == ImportanceOptions.Strategy.TOKENFREQ);
  }

  @Override
  public void prepare(ModelTask task) {
    scores = new TokenScores(options, task.tokens());
  }

  /** Queries, keys and values of a batch with their gradients, for each thread. */
  @Override
  public long workingBytes(BlockShape shape) {
    long widest =
        shape.stages().stream().mapToLong(s -> s.sites().getFirst().inputs()).max().orElse(0);
    return 6L * Float.BYTES * widest * shape.batchTokens() * shape.threads();
  }

  @Override
  public void apply(BlockTask task) {
    Block block = task.block();
    if (!block.name().startsWith(DECODER)) {
      return;
    }
    for (Site site : block.sites()) {
      if (block.state(site.name()).packed().isPresent()) {
        throw new NibbleException(
            "token_importance: "
                + site.name()
                + " is quantized already; put token_importance before solving steps");
      }
    }
    float[][] weights = new float[task.batches()][];
    task.workers().forEach(weights.length, batch -> weights[batch] = weights(task, batch));
    task.notes().tokenWeights(new Weights(weights, options.applyTo()));
    task.events()
        .record(
            "token_importance",
            block.name(),
            String.format(
                Locale.ROOT,
                "the tokens count like %.0f %% of as many equal ones",
                100 * effective(weights)));
  }

  private float[] weights(BlockTask task, int batch) {
    double[][] raw;
    try (Tensor input = task.input(batch)) {
      raw = Torch.scope(() -> scores.of(task.block(), batch, input));
    }
    float[] out = new float[raw.length * raw[0].length];
    for (int i = 0; i < raw.length; i++) {
      float[] sequence = Importance.weights(raw[i], options);
      System.arraycopy(sequence, 0, out, i * sequence.length, sequence.length);
    }
    return out;
  }

  /** {@code (Σw)² / (n Σw²)}: 1 for equal weights, 1/n where one token has it all. */
  private static double effective(float[][] weights) {
    double sum = 0;
    double squares = 0;
    long count = 0;
    for (float[] batch : weights) {
      for (float w : batch) {
        sum += w;
        squares += (double) w * w;
      }
      count += batch.length;
    }
    return sum * sum / (squares * count);
  }

  private record Weights(float[][] batches, ImportanceOptions.ApplyTo applyTo)
      implements TokenWeights {
    /** Stages of the attention, by the last part of their names. */
    private static final List<String> ATTENTION = List.of("qkv", "o");

    @Override
    public float[] of(int batch) {
      return batches[batch];
    }

    @Override
    public boolean appliesTo(Stage stage) {
      return switch (applyTo) {
        case ALL -> true;
        case ATTN -> ATTENTION.contains(stage.name());
        case MLP -> !ATTENTION.contains(stage.name());
      };
    }
  }
}
