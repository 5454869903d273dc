package dev.nibble.compress.activation;

import dev.nibble.compress.recipe.OptionReader;
import dev.nibble.core.NibbleException;
import dev.nibble.core.op.ActivationQuant;
import java.util.List;
import java.util.regex.Pattern;

/**
 * Options of {@code activation}.
 *
 * @param quant bits, granularity, symmetry, clip ratio; a fixed scale is filled in by site
 * @param fixed scales come from calibration (static) instead of from each input (dynamic)
 * @param percentile share of the calibration values, in percent, that a fixed scale covers; 100 for
 *     the extremes
 * @param targets sites that are quantized; empty for all
 * @param ignore sites that are not
 */
public record ActivationOptions(
    ActivationQuant quant,
    boolean fixed,
    double percentile,
    List<Pattern> targets,
    List<Pattern> ignore) {

  /** Copies the lists. */
  public ActivationOptions {
    targets = List.copyOf(targets);
    ignore = List.copyOf(ignore);
  }

  /** Dynamic and everywhere. */
  public static ActivationOptions dynamic(ActivationQuant quant) {
    return new ActivationOptions(quant, false, 100, List.of(), List.of());
  }

  /** Fixed scales of the extremes, everywhere. */
  public static ActivationOptions fixed(ActivationQuant quant) {
    return new ActivationOptions(quant, true, 100, List.of(), List.of());
  }

  static ActivationOptions read(OptionReader options) {
    boolean fixed = options.flag("static", false);
    ActivationQuant.Granularity granularity =
        options.choice(
            "granularity",
            fixed ? ActivationQuant.Granularity.TENSOR : ActivationQuant.Granularity.TOKEN,
            ActivationQuant.Granularity.class);
    boolean grouped = granularity == ActivationQuant.Granularity.GROUP;
    int group = options.integer("group_size", grouped ? 128 : 0, 0, 1 << 20);
    if (grouped != group > 0) {
      throw new NibbleException(
          options.where()
              + ".group_size: "
              + (grouped ? "must be at least 1 for" : "is only for")
              + " granularity: group");
    }
    if (fixed && granularity != ActivationQuant.Granularity.TENSOR) {
      throw new NibbleException(
          options.where()
              + ".granularity: a static scale is one per tensor; write granularity: tensor or"
              + " static: false");
    }
    double clip = options.real("clip_ratio", 1, 0.01, 1);
    ActivationQuant quant =
        new ActivationQuant(
            options.integer("bits", 8, 2, 8),
            granularity,
            group,
            options.flag("symmetric", true),
            (float) clip,
            0f,
            0);
    return new ActivationOptions(
        quant,
        fixed,
        options.real("percentile", 100, 50, 100),
        options.patterns("targets"),
        options.patterns("ignore"));
  }

  /** True when a site's input is to be quantized; a pattern matches anywhere in the name. */
  boolean selects(String site) {
    return (targets.isEmpty() || targets.stream().anyMatch(p -> p.matcher(site).find()))
        && ignore.stream().noneMatch(p -> p.matcher(site).find());
  }
}
