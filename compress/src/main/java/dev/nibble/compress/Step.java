package dev.nibble.compress;

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

  /** Model-wide decisions and rewrites, before any block is loaded. */
  default void prepare(ModelTask task) {}

  /** Work on one loaded block: rewrite parameters, set site states. */
  default void apply(BlockTask task) {}

  /**
   * What a step asks for.
   *
   * @param calibration it looks at calibration inputs of blocks
   * @param originalPrefix it wants inputs computed by the un-quantized network rather than by the
   *     blocks quantized so far
   */
  record Needs(boolean calibration, boolean originalPrefix) {
    /** No data. */
    public static final Needs NOTHING = new Needs(false, false);

    /** Inputs as the quantized prefix produces them. */
    public static final Needs INPUTS = new Needs(true, false);

    /** Inputs as the original network produces them. */
    public static final Needs ORIGINAL_INPUTS = new Needs(true, true);
  }
}
