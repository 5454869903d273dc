package dev.nibble.core.rounding;

import dev.nibble.core.NibbleException;
import dev.nibble.core.spec.QuantSpec;
import java.util.Locale;

/**
 * Choices of rounding that the spec does not fix.
 *
 * @param flavour integer grid; null for {@link GridFlavour#GPTQ} when the spec is asymmetric and
 *     {@link GridFlavour#SYM_FULL} when it is symmetric. Ignored by level tables.
 * @param clip search for a shorter range
 * @param clipNorm exponent of the error that the search minimizes, positive; 2.4 is customary
 */
public record RoundingOptions(GridFlavour flavour, Clip clip, double clipNorm) {

  /** Default flavour, no clipping. */
  public static final RoundingOptions DEFAULT = new RoundingOptions(null, Clip.NONE, 2.4);

  /** Checks the norm. */
  public RoundingOptions {
    if (!(clipNorm > 0) || Double.isInfinite(clipNorm)) {
      throw new NibbleException("clip_norm must be a positive number, not " + clipNorm + ".");
    }
  }

  /**
   * The flavour for a spec.
   *
   * @throws NibbleException when the chosen one contradicts the spec's symmetry
   */
  public GridFlavour flavourFor(QuantSpec spec) {
    if (flavour == null) {
      return spec.symmetric() ? GridFlavour.SYM_FULL : GridFlavour.GPTQ;
    }
    if (flavour.symmetric() != spec.symmetric()) {
      throw new NibbleException(
          "grid "
              + flavour.name().toLowerCase(Locale.ROOT).replace('_', '-')
              + " does not go with "
              + spec.text()
              + "; "
              + (spec.symmetric()
                  ? "use sym-full, sym-narrow or sym-wide, or write :asym."
                  : "use gptq or awq, or write :sym."));
    }
    return flavour;
  }
}
