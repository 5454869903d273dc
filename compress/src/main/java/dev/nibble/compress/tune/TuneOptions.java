package dev.nibble.compress.tune;

import dev.nibble.compress.recipe.OptionReader;

/**
 * How a block is tuned.
 *
 * @param epochs passes over the training sequences; 0 leaves everything as it starts
 * @param batchSize sequences whose gradients make an update
 * @param augLoss adds the distance to what the original block makes of the quantized inputs
 * @param heldOut share of the sequences that is kept for choosing the best state
 * @param schedule course of the learning rates
 * @param weightDecay decoupled decay of trained matrices
 */
public record TuneOptions(
    int epochs,
    int batchSize,
    boolean augLoss,
    double heldOut,
    RateSchedule schedule,
    double weightDecay) {

  /** Course of the learning rates over all updates. */
  public enum RateSchedule {
    /** The peak rate throughout. */
    CONSTANT,
    /** Half a cosine from the peak rate to a twentieth of it. */
    COSINE
  }

  /** What the options are unless a recipe says otherwise. */
  public static final TuneOptions DEFAULT =
      new TuneOptions(20, 4, false, 0.125, RateSchedule.COSINE, 0);

  private static final double LAST_SHARE = 0.05;

  /** The options {@code epochs, batch_size, aug_loss, held_out, schedule, weight_decay}. */
  public static TuneOptions read(OptionReader options, TuneOptions defaults) {
    return new TuneOptions(
        options.integer("epochs", defaults.epochs, 0, 100_000),
        options.integer("batch_size", defaults.batchSize, 1, 65536),
        options.flag("aug_loss", defaults.augLoss),
        options.real("held_out", defaults.heldOut, 0.01, 0.9),
        options.choice("schedule", defaults.schedule, RateSchedule.class),
        options.real("weight_decay", defaults.weightDecay, 0, 10));
  }

  /** Share of the peak rate at an update of {@code updates}. */
  double share(int update, int updates) {
    if (schedule == RateSchedule.CONSTANT || updates < 2) {
      return 1;
    }
    double done = (double) update / (updates - 1);
    return LAST_SHARE + (1 - LAST_SHARE) * 0.5 * (1 + StrictMath.cos(StrictMath.PI * done));
  }
}
