package dev.nibble.compress.transform;

import dev.nibble.compress.recipe.OptionReader;
import dev.nibble.core.rounding.Clip;
import dev.nibble.core.rounding.GridFlavour;
import dev.nibble.core.rounding.RoundingOptions;
import dev.nibble.core.spec.QuantSpec;

/**
 * Options of {@code awq}.
 *
 * @param spec what the weights will be stored as; the solve step that follows must use the same
 * @param rounding grid of the trials
 * @param gridPoints exponents tried: {@code 0, 1/n, …, (n-1)/n}
 * @param clip search for clipping thresholds afterwards
 * @param maxShrink largest part of a group's range that clipping may take off
 * @param clipTokens calibration tokens that clipping looks at
 * @param searchTokens calibration tokens that the scale search looks at
 * @param tieHeads with grouped heads, scale v and o with one scale per key-value channel
 * @param online where no producer can take the scale, leave it to run time
 */
public record AwqOptions(
    QuantSpec spec,
    RoundingOptions rounding,
    int gridPoints,
    boolean clip,
    double maxShrink,
    int clipTokens,
    int searchTokens,
    boolean tieHeads,
    boolean online) {

  /** The published settings for a spec. */
  public static AwqOptions of(QuantSpec spec) {
    return new AwqOptions(spec, rounding(spec, null), 20, true, 0.5, 512, 2048, false, true);
  }

  private static RoundingOptions rounding(QuantSpec spec, GridFlavour flavour) {
    boolean affine = spec.affine() && !spec.symmetric();
    return new RoundingOptions(
        flavour == null && affine ? GridFlavour.AWQ : flavour, Clip.NONE, 2.4);
  }

  static AwqOptions read(OptionReader options) {
    QuantSpec spec =
        options.optionalSpec("spec").orElseGet(() -> QuantSpec.parse("int4:g128:asym"));
    AwqOptions known = of(spec);
    GridFlavour grid = options.choice("grid", null, GridFlavour.class);
    RoundingOptions rounding = rounding(spec, grid);
    if (spec.affine()) {
      rounding.flavourFor(spec);
    }
    return new AwqOptions(
        spec,
        rounding,
        options.integer("n_grid", known.gridPoints(), 1, 1000),
        options.flag("clip", known.clip()),
        options.real("max_shrink", known.maxShrink(), 0, 0.95),
        options.integer("clip_tokens", known.clipTokens(), 1, 1 << 20),
        options.integer("search_tokens", known.searchTokens(), 1, 1 << 24),
        options.flag("tie_heads", known.tieHeads()),
        options.flag("online", known.online()));
  }
}
