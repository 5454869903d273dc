package dev.nibble.io.model;

import dev.nibble.core.model.RopeConfig;
import dev.nibble.core.model.RopeConfig.Scaling;
import dev.nibble.io.json.JsonFields;
import java.util.List;
import java.util.Optional;

/**
 * Rotary parameters of a {@code config.json} in both spellings: {@code rope_theta} with {@code
 * rope_scaling} (rule named by {@code type} or {@code rope_type}), and {@code rope_parameters}
 * holding all of it.
 */
final class HfRope {
  private static final double MAX = 1e12;

  private final JsonFields config;
  private final Optional<JsonFields> parameters;
  private final JsonFields rule;
  private final int maxPositions;

  private HfRope(JsonFields config, int maxPositions, Optional<JsonFields> parameters) {
    this.config = config;
    this.maxPositions = maxPositions;
    this.parameters = parameters;
    this.rule = parameters.or(() -> config.optionalObject("rope_scaling")).orElse(null);
  }

  /**
   * Reads the parameters.
   *
   * @param config the root of config.json
   * @param headDim width of a head
   * @param maxPositions context length
   * @param thetaKey spelling of the base outside {@code rope_parameters}
   * @param partialKey spelling of the rotated fraction of a head outside {@code rope_parameters}
   * @param defaultPartial fraction when it is not given
   */
  static RopeConfig read(
      JsonFields config,
      int headDim,
      int maxPositions,
      String thetaKey,
      String partialKey,
      double defaultPartial) {
    HfRope reader = new HfRope(config, maxPositions, config.optionalObject("rope_parameters"));
    double theta = reader.number(thetaKey, "rope_theta", 1.001, MAX, 10000);
    double partial = reader.number(partialKey, "partial_rotary_factor", 0, 1, defaultPartial);
    return reader.scaled(RopeConfig.plain(theta, (int) (headDim * partial)));
  }

  /** True when {@code rope_parameters} has an object for that kind of layer. */
  static boolean hasOf(JsonFields config, String kind) {
    return config.optionalObject("rope_parameters").filter(p -> p.has(kind)).isPresent();
  }

  /**
   * Reads the parameters of one kind of layer, from {@code rope_parameters} by kind or from the
   * spelling for all layers.
   *
   * @param kind name of the kind, as {@code full_attention}
   * @param thetaKey spelling of the base outside {@code rope_parameters}
   * @param theta base when it is not given
   */
  static RopeConfig readOf(
      JsonFields config,
      String kind,
      int headDim,
      int maxPositions,
      String thetaKey,
      double theta) {
    Optional<JsonFields> all = config.optionalObject("rope_parameters");
    HfRope reader =
        new HfRope(config, maxPositions, hasOf(config, kind) ? all.map(p -> p.object(kind)) : all);
    double base = reader.number(thetaKey, "rope_theta", 1.001, MAX, theta);
    return reader.scaled(RopeConfig.plain(base, headDim));
  }

  private double number(String key, String newKey, double min, double max, double absent) {
    JsonFields fields = parameters.filter(p -> p.has(newKey)).orElse(null);
    return fields != null
        ? fields.number(newKey, min, max)
        : config.number(config.spelling(key, newKey), min, max, absent);
  }

  private RopeConfig scaled(RopeConfig plain) {
    if (rule == null) {
      return plain;
    }
    String typeKey = rule.spelling("rope_type", "type");
    String type = rule.optionalString(typeKey).orElse("default");
    return switch (type) {
      case "default" -> plain;
      case "linear" -> with(plain, Scaling.LINEAR, factor());
      case "dynamic" -> with(plain, Scaling.DYNAMIC, factor());
      case "llama3" -> llama3(plain);
      case "yarn" -> yarn(plain);
      case "longrope", "su" -> longRope(plain);
      default ->
          throw rule.problem(
              typeKey,
              "'"
                  + JsonFields.shown(type)
                  + "' is not supported; supported are default, linear, dynamic, llama3, yarn,"
                  + " longrope");
    };
  }

  private double factor() {
    return rule.number("factor", 1e-3, 1e6);
  }

  private int original() {
    String key = "original_max_position_embeddings";
    JsonFields holder = rule.has(key) ? rule : config;
    return holder.integer(key, 1, ConfigDraft.MAX_COUNT, maxPositions);
  }

  private static RopeConfig with(RopeConfig plain, Scaling scaling, double factor) {
    return new RopeConfig(
        plain.theta(),
        plain.dim(),
        scaling,
        factor,
        plain.lowFreqFactor(),
        plain.highFreqFactor(),
        0,
        plain.betaFast(),
        plain.betaSlow(),
        0,
        plain.shortFactor(),
        plain.longFactor());
  }

  private RopeConfig llama3(RopeConfig plain) {
    double low = rule.number("low_freq_factor", 1e-6, 1e6);
    double high = rule.number("high_freq_factor", 1e-6, 1e6);
    if (high <= low) {
      throw rule.problem("high_freq_factor", high + " must be above low_freq_factor " + low);
    }
    return new RopeConfig(
        plain.theta(),
        plain.dim(),
        Scaling.LLAMA3,
        factor(),
        low,
        high,
        rule.integer("original_max_position_embeddings", 1, ConfigDraft.MAX_COUNT),
        plain.betaFast(),
        plain.betaSlow(),
        0,
        plain.shortFactor(),
        plain.longFactor());
  }

  private RopeConfig yarn(RopeConfig plain) {
    if (!rule.flag("truncate", true)) {
      throw rule.problem("truncate", "YaRN without rounding of its band limits is not supported");
    }
    int original = original();
    double factor = rule.number("factor", 1e-3, 1e6, (double) maxPositions / original);
    return new RopeConfig(
        plain.theta(),
        plain.dim(),
        Scaling.YARN,
        factor,
        plain.lowFreqFactor(),
        plain.highFreqFactor(),
        original,
        rule.number("beta_fast", 1e-6, 1e6, plain.betaFast()),
        rule.number("beta_slow", 1e-6, 1e6, plain.betaSlow()),
        rule.number("attention_factor", 0, 1e6, yarnMagnitude(factor)),
        plain.shortFactor(),
        plain.longFactor());
  }

  /** The factor on cosine and sine that the two mscale fields stand for; 0 without them. */
  private double yarnMagnitude(double factor) {
    double scale = rule.number("mscale", 0, 1e6, 0);
    double all = rule.number("mscale_all_dim", 0, 1e6, 0);
    if (scale == 0 || all == 0 || factor <= 1) {
      return 0;
    }
    return (0.1 * scale * Math.log(factor) + 1) / (0.1 * all * Math.log(factor) + 1);
  }

  private RopeConfig longRope(RopeConfig plain) {
    return new RopeConfig(
        plain.theta(),
        plain.dim(),
        Scaling.LONGROPE,
        rule.number("factor", 1e-3, 1e6, 1),
        plain.lowFreqFactor(),
        plain.highFreqFactor(),
        original(),
        plain.betaFast(),
        plain.betaSlow(),
        rule.number("attention_factor", 0, 1e6, 0),
        factors("short_factor", plain.dim() / 2),
        factors("long_factor", plain.dim() / 2));
  }

  private double[] factors(String key, int count) {
    List<Double> values = rule.numbers(key, 1e-6, 1e9);
    if (values.size() != count) {
      throw rule.problem(key, values.size() + " factors, but heads need " + count);
    }
    return values.stream().mapToDouble(Double::doubleValue).toArray();
  }
}
