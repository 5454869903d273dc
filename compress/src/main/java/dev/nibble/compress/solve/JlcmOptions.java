package dev.nibble.compress.solve;

import dev.nibble.compress.recipe.OptionReader;
import dev.nibble.core.tensor.CodebookLayout;
import dev.nibble.models.Site;

/**
 * Options of {@link JlcmStep}.
 *
 * @param bits of an index
 * @param groups classes of rows; a matrix with fewer rows has as many classes as rows
 * @param mode what a class has of its own
 * @param init where the codebooks start
 * @param learn what is learned
 * @param gradient how indices follow the loss
 * @param neighbours codewords on either side of the present one that an index looks at
 * @param iterations updates of a block
 * @param codebookRate learning rate of codewords and scales, as a part of their root mean square
 * @param mappingRate learning rate of the logits of indices
 * @param batch calibration batches of an update
 */
record JlcmOptions(
    int bits,
    int groups,
    Mode mode,
    Init init,
    Learn learn,
    Gradient gradient,
    int neighbours,
    int iterations,
    double codebookRate,
    double mappingRate,
    int batch) {

  /** What a class of rows has of its own. */
  enum Mode {
    /** A scale; the codebook is shared. */
    SCALED,
    /** A codebook. */
    MULTI,
    /** As scaled, with a scale for every row. */
    ROWS
  }

  /** Where the codebooks start. */
  enum Init {
    /** One-dimensional k-means, from the better of quantiles and a uniform grid. */
    KMEANS,
    /** Quantiles of the values. */
    QUANTILE,
    /** The grid of round-to-nearest. */
    UNIFORM
  }

  /** What is learned on the block's output. */
  enum Learn {
    NONE,
    CODEBOOK,
    MAPPING,
    BOTH;

    boolean codebook() {
      return this == CODEBOOK || this == BOTH;
    }

    boolean mapping() {
      return this == MAPPING || this == BOTH;
    }
  }

  /** How the logit of a codeword follows the gradient of the weight. */
  enum Gradient {
    /** Less the further the codeword is away. */
    PROXIMAL,
    /** That of softmax: more the further it is away. */
    PLAIN
  }

  static JlcmOptions from(OptionReader options) {
    return new JlcmOptions(
        options.integer("bits", 3, 1, 8),
        options.integer("groups", 16, 1, 256),
        options.choice("mode", Mode.MULTI, Mode.class),
        options.choice("init", Init.KMEANS, Init.class),
        options.choice("learn", Learn.BOTH, Learn.class),
        options.choice("grad", Gradient.PROXIMAL, Gradient.class),
        options.integer("neighbors", 1, 1, 8),
        options.integer("iters", 300, 0, 1 << 24),
        options.real("lr_codebook", 1e-3, 0, 1),
        options.real("lr_mapping", 3e-2, 0, 10),
        options.integer("batch_size", 2, 1, 1 << 20));
  }

  /** How the weight of a site is stored. */
  CodebookLayout layout(Site site) {
    int classes = Math.min(groups, site.outputs());
    return switch (mode) {
      case SCALED -> new CodebookLayout(1, bits, 1, classes, false, CodebookLayout.Scales.GROUP);
      case MULTI -> new CodebookLayout(1, bits, 1, classes, true, CodebookLayout.Scales.NONE);
      case ROWS -> new CodebookLayout(1, bits, 1, 1, false, CodebookLayout.Scales.ROW);
    };
  }
}
