package dev.nibble.compress.solve;

import dev.nibble.compress.recipe.OptionReader;
import dev.nibble.core.NibbleException;
import dev.nibble.core.rounding.RoundingOptions;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.tensor.BilevelLayout;
import dev.nibble.core.tensor.BilevelLayout.Zeros;
import java.util.OptionalDouble;

/**
 * Options of {@link Spqr}.
 *
 * @param threshold τ: a weight is an outlier when what its rounding costs is more than τ times the
 *     unit of {@link Spqr#unit}
 * @param share fraction of outliers to find τ for; 0 for no outliers
 * @param leaveOneOut grids leave out weights without which a group would be much better off
 * @param blockRows rows whose scales are quantized together
 * @param scaleBits of a scale's code; {@link #PLAIN_BITS} to store scales as they are
 * @param zeroBits of a zero-point's code
 * @param roundZero zero-points are codes
 * @param order of the columns
 * @param dampPercent first damping, as a fraction of the mean diagonal of the Hessian
 * @param trueSequential gather each stage's inputs after the stages before it are solved
 * @param blockSize columns compensated lazily at a time; changes speed only
 */
record SpqrOptions(
    double threshold,
    OptionalDouble share,
    boolean leaveOneOut,
    int blockRows,
    int scaleBits,
    int zeroBits,
    boolean roundZero,
    Order order,
    double dampPercent,
    boolean trueSequential,
    int blockSize) {

  /** Value of {@code scale_bits} that stands for scales in the spec's own format. */
  static final int PLAIN_BITS = 16;

  /** The order in which columns are solved and stored. */
  enum Order {
    /** In place. */
    IDENTITY,
    /** Largest inputs first. */
    ACT_ORDER,
    /** Each next to the one whose weights are ranked most alike. */
    SPEARMAN
  }

  static final SpqrOptions DEFAULT =
      new SpqrOptions(
          0.2, OptionalDouble.empty(), true, 16, 3, 3, false, Order.ACT_ORDER, 0.01, true, 128);

  static SpqrOptions from(OptionReader options) {
    double threshold = options.real("outlier_threshold", Double.NaN, 1e-9, 1e9);
    double share = options.real("outlier_share", Double.NaN, 0, 0.5);
    if (!Double.isNaN(threshold) && !Double.isNaN(share)) {
      throw new NibbleException(
          options.where()
              + ": outlier_threshold and outlier_share both say how many outliers there are; leave"
              + " one out");
    }
    return new SpqrOptions(
        Double.isNaN(threshold) ? DEFAULT.threshold : threshold,
        Double.isNaN(share) ? OptionalDouble.empty() : OptionalDouble.of(share),
        !options.flag("simplified_outliers", !DEFAULT.leaveOneOut),
        options.integer("scale_rows", DEFAULT.blockRows, 1, 1 << 16),
        scaleBits(options),
        options.integer("zero_bits", DEFAULT.zeroBits, 1, 7),
        options.flag("round_zero", DEFAULT.roundZero),
        options.choice("permutation_order", DEFAULT.order, Order.class),
        options.real("damp_percent", DEFAULT.dampPercent, 0, 1),
        options.flag("true_sequential", DEFAULT.trueSequential),
        options.integer("block_size", DEFAULT.blockSize, 1, 1 << 16));
  }

  private static int scaleBits(OptionReader options) {
    int bits = options.integer("scale_bits", DEFAULT.scaleBits, 1, PLAIN_BITS);
    if (bits > 7 && bits != PLAIN_BITS) {
      throw new NibbleException(
          options.where()
              + ".scale_bits: expected 1 to 7, or "
              + PLAIN_BITS
              + " for scales without a second level, found "
              + bits);
    }
    return bits;
  }

  /** True when no weight is ever kept. */
  boolean withoutOutliers() {
    return share.isPresent() && share.getAsDouble() == 0;
  }

  /** True when scales are stored as they are. */
  boolean plain() {
    return scaleBits == PLAIN_BITS;
  }

  /** How the codes of a weight are stored; not for {@link #plain}. */
  BilevelLayout layout(QuantSpec spec, int columns) {
    Zeros zeros = spec.symmetric() ? Zeros.NONE : roundZero ? Zeros.INTEGER : Zeros.BILEVEL;
    return new BilevelLayout(
        spec.bits(),
        spec.groupColumns(columns),
        blockRows,
        scaleBits,
        zeros,
        zeros == Zeros.BILEVEL ? zeroBits : 0,
        spec.scaleFormat());
  }

  /** How the embedding and scales without a second level are rounded. */
  RoundingOptions rounding() {
    return RoundingOptions.DEFAULT;
  }
}
