package dev.nibble.compress;

import dev.nibble.compress.allocate.Allocation;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.models.Site;
import dev.nibble.models.Stage;
import java.util.List;
import java.util.Optional;

/**
 * One entry of a recipe, ready to run. A step is created from its options by a {@link StepFactory},
 * asked once to {@link #prepare} the whole model, then applied to every block in execution order.
 * The pipeline owns reading, memory, threads, journal and progress; a step owns arithmetic.
 *
 * <p>A step must be deterministic: randomness comes from the task's seed, and results may not
 * depend on the number of threads.
 */
public interface Step {

  /** What the pipeline has to provide. */
  Needs needs();

  /**
   * Why the step cannot be applied to such a model, asked before any work; empty when it can. Each
   * entry is a clause that names the option or property at fault and the remedy, as {@code "heads
   * of 80 have no Hadamard matrix; use kind: random"}.
   */
  default List<String> objections(ModelConfig config) {
    return List.of();
  }

  /**
   * How the step will store the weight of a site, so that a plan can state exact sizes; empty when
   * it leaves the weight as it is. What {@link #apply} then does must agree, byte for byte in size,
   * unless the form or the site's assignment is a forecast.
   *
   * @param site a linear or embedding site of any block
   * @param allocation what allocate steps have decided for the model
   */
  default Optional<StoredForm> stores(Site site, Allocation allocation) {
    return Optional.empty();
  }

  /**
   * Spec that the step prepares the weight of a site for; empty when it does not matter. A recipe
   * in which no later step stores any site that way is refused.
   */
  default Optional<QuantSpec> assumes(Site site) {
    return Optional.empty();
  }

  /**
   * Most memory in bytes that {@link #apply} holds at once on a block of this shape: statistics,
   * solver copies, codes. Not counted are the block's fp32 parameters and the activations of one
   * forward pass a thread. An estimate within a quarter.
   */
  default long workingBytes(BlockShape shape) {
    return 0;
  }

  /** Model-wide decisions and rewrites, before any block is loaded. */
  default void prepare(ModelTask task) {}

  /** What trains the whole model once all blocks are done; empty when nothing does. */
  default Optional<ModelTuner> tuner() {
    return Optional.empty();
  }

  /** Work on one loaded block: rewrite parameters, set site states. */
  default void apply(BlockTask task) {}

  /**
   * What a step asks for.
   *
   * @param inputs it looks at calibration inputs of blocks, as the blocks quantized so far produce
   *     them
   * @param originalInputs it looks at calibration inputs of blocks, as the un-quantized network
   *     produces them
   * @param tokens it looks at the calibration tokens while it prepares the model
   */
  record Needs(boolean inputs, boolean originalInputs, boolean tokens) {
    /** No data. */
    public static final Needs NOTHING = new Needs(false, false, false);

    /** Inputs as the quantized prefix produces them. */
    public static final Needs INPUTS = new Needs(true, false, false);

    /** Inputs as the original network produces them. */
    public static final Needs ORIGINAL_INPUTS = new Needs(false, true, false);

    /** Inputs of both kinds. */
    public static final Needs BOTH_INPUTS = new Needs(true, true, false);

    /** Tokens while preparing. */
    public static final Needs TOKENS = new Needs(false, false, true);

    /** True when blocks must be run on calibration data. */
    public boolean calibration() {
      return inputs || originalInputs;
    }
  }

  /**
   * What working memory depends on.
   *
   * @param stages linear sites of the block by shared input
   * @param batchTokens tokens of one calibration batch, 0 without calibration
   * @param sequenceTokens tokens of one sequence of it
   * @param threads tasks that run at once
   * @param allocation what allocate steps have decided
   */
  record BlockShape(
      List<Stage> stages, int batchTokens, int sequenceTokens, int threads, Allocation allocation) {
    /** Copies the list. */
    public BlockShape {
      stages = List.copyOf(stages);
    }
  }
}
