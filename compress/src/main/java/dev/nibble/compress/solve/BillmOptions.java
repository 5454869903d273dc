package dev.nibble.compress.solve;

import dev.nibble.compress.recipe.OptionReader;
import dev.nibble.core.NibbleException;
import dev.nibble.core.spec.ScaleFormat;

/**
 * Options of {@link Billm}.
 *
 * @param blockSize columns binarized together
 * @param metric what makes a column salient
 * @param mostSalient fewer columns of a block than this are salient
 * @param variant where the authors' code and paper differ
 * @param compensate push each block's error onto the columns after it
 * @param dampPercent damping of the Hessian, as a fraction of its mean diagonal
 * @param centred layers have a mean of their own
 * @param scaleFormat storage of means and magnitudes
 * @param trueSequential gather each stage's inputs after the stages before it are solved
 */
record BillmOptions(
    int blockSize,
    Metric metric,
    int mostSalient,
    Variant variant,
    boolean compensate,
    double dampPercent,
    boolean centred,
    ScaleFormat scaleFormat,
    boolean trueSequential) {

  /** Salience of a weight. */
  enum Metric {
    /** {@code w² / U_jj²}: what its loss costs on the calibration inputs. */
    HESSIAN,
    /** {@code |w|}. */
    MAGNITUDE
  }

  /** Where code and paper differ: how the masks are searched. */
  enum Variant {
    /** In the salience itself when that is of the Hessian; ordinary columns tried in two layers. */
    CODE,
    /** In the weights; ordinary columns tried in one layer. */
    PAPER
  }

  static final BillmOptions DEFAULT =
      new BillmOptions(
          128, Metric.HESSIAN, 50, Variant.CODE, true, 0.01, true, ScaleFormat.FP16, false);

  static BillmOptions from(OptionReader options) {
    ScaleFormat scale = options.choice("scale", DEFAULT.scaleFormat, ScaleFormat.class);
    if (scale.bytes() < 2) {
      throw new NibbleException(
          options.where() + ".scale: is fp16, bf16 or fp32", NibbleException.USAGE, null);
    }
    return new BillmOptions(
        options.integer("block_size", DEFAULT.blockSize, 1, 1 << 16),
        options.choice("salient_metric", DEFAULT.metric, Metric.class),
        options.integer("max_salient_columns", DEFAULT.mostSalient, 1, 1 << 16),
        options.choice("variant", DEFAULT.variant, Variant.class),
        options.flag("compensate", DEFAULT.compensate),
        options.real("damp_percent", DEFAULT.dampPercent, 0, 1),
        options.flag("use_mean", DEFAULT.centred),
        scale,
        options.flag("true_sequential", DEFAULT.trueSequential));
  }

  /** Masks are searched in the salience instead of in the weights. */
  boolean searchesSalience() {
    return variant == Variant.CODE && metric == Metric.HESSIAN;
  }

  /** Binary layers with which the columns that are not salient are tried in the search. */
  int ordinaryLayers() {
    return variant == Variant.CODE ? 2 : 1;
  }

  /** The same without compensation. */
  BillmOptions uncompensated() {
    return new BillmOptions(
        blockSize,
        metric,
        mostSalient,
        variant,
        false,
        dampPercent,
        centred,
        scaleFormat,
        trueSequential);
  }
}
