package dev.nibble.compress.calibrate;

import dev.nibble.compress.recipe.OptionReader;
import dev.nibble.core.NibbleException;

/**
 * Options of {@code token_importance}.
 *
 * @param strategy what a token's raw score is
 * @param minValue importance of the token with the smallest score, in [0, 1]
 * @param maxValue importance of the token with the largest score, above 0
 * @param power exponent of the importance in the Hessian: 1 as in the released code, 2 as in the
 *     paper's formula
 * @param quantileValue scores above this quantile of their sequence count as that quantile, in (0,
 *     1]; 1 for none
 * @param bins importance is rounded to so many even steps between its ends; 0 for none
 * @param truncate fraction of the tokens, those with the lowest scores, that do not count at all
 * @param normalize what attention received is divided by
 * @param part fraction of a sequence that {@link Strategy#FIRSTN} and {@link Strategy#FIRSTLASTN}
 *     keep at either end
 * @param applyTo stages that see the weights
 */
record ImportanceOptions(
    Strategy strategy,
    double minValue,
    double maxValue,
    int power,
    double quantileValue,
    int bins,
    double truncate,
    Normalize normalize,
    double part,
    ApplyTo applyTo) {

  /** Raw score of a token (RSQ, section 3.2 and appendix). */
  enum Strategy {
    /** Attention that the token receives in this block, over all heads and queries. */
    ATTNCON,
    /** Norm of the block's input. */
    ACTNORM,
    /** Minus the norm of what the block adds: tokens that change least count most. */
    ACTDIFF,
    /** Minus the number of times that the token's id is in the calibration text. */
    TOKENFREQ,
    /** Mean squared distance of the block's input to those of the sequence. */
    TOKENSIM,
    /** 1 in the first part of the sequence, else 0. */
    FIRSTN,
    /** 1 in the first and the last part of the sequence, else 0. */
    FIRSTLASTN,
    /** All tokens alike. */
    NONE
  }

  /** Divisor of attention received at position j of T, which T - j queries can see. */
  enum Normalize {
    /** None: early tokens count more, as in the method. */
    NONE,
    /** {@code T - j}. */
    LINEAR,
    /** {@code √(T - j)}. */
    SQRT
  }

  /** Stages that see the weights. */
  enum ApplyTo {
    ALL,
    ATTN,
    MLP
  }

  /** Attention concentration with the released defaults. */
  static final ImportanceOptions DEFAULT =
      new ImportanceOptions(
          Strategy.ATTNCON, 0.05, 1, 1, 1, 0, 0, Normalize.NONE, 0.125, ApplyTo.ALL);

  static ImportanceOptions from(OptionReader options) {
    Strategy strategy = options.choice("importance", DEFAULT.strategy, Strategy.class);
    ImportanceOptions out =
        new ImportanceOptions(
            strategy,
            options.real("min_value", DEFAULT.minValue, 0, 1),
            options.real("max_value", DEFAULT.maxValue, 1e-6, 1),
            options.integer("importance_power", DEFAULT.power, 1, 2),
            options.real("quantile_value", DEFAULT.quantileValue, 0.01, 1),
            options.integer("num_bins", DEFAULT.bins, 0, 1 << 16),
            options.real("truncate", DEFAULT.truncate, 0, 0.99),
            options.choice("normalize", DEFAULT.normalize, Normalize.class),
            options.real(
                "part", strategy == Strategy.FIRSTLASTN ? 1.0 / 32 : DEFAULT.part, 1e-3, 1),
            options.choice("apply_to", DEFAULT.applyTo, ApplyTo.class));
    if (out.minValue > out.maxValue) {
      throw new NibbleException(
          options.where()
              + ".min_value: "
              + out.minValue
              + " is above max_value "
              + out.maxValue
              + "; importance runs from min_value to max_value");
    }
    return out;
  }
}
