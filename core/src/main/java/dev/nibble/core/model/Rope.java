package dev.nibble.core.model;

/**
 * Frequencies of the rotary position embedding and its context-extension rules, in doubles.
 *
 * <p>Rotation of a head vector x at position p, half-split order, {@code i < dim/2}: {@code y[i] =
 * x[i]·cos − x[i+dim/2]·sin}, {@code y[i+dim/2] = x[i+dim/2]·cos + x[i]·sin} with {@code cos =
 * factor·cos(p·f[i])} and {@code sin = factor·sin(p·f[i])}, where f is {@link #inverseFrequencies}
 * and factor {@link #attentionFactor}.
 *
 * <p>Sources: Su et al. 2021 (RoFormer); Chen et al. 2023 (linear); Peng et al. 2023 (YaRN,
 * equations 17 to 22, and dynamic NTK); Ding et al. 2024 (LongRoPE); the Llama 3.1 release.
 */
public final class Rope {
  private Rope() {}

  /**
   * Angular frequency of each of the {@code dim/2} pairs.
   *
   * @param rope parameters
   * @param maxPositions context length of the model's configuration
   * @param sequenceLength length of the sequence being run; matters to {@code DYNAMIC} and {@code
   *     LONGROPE} only
   */
  public static double[] inverseFrequencies(RopeConfig rope, int maxPositions, int sequenceLength) {
    double base = rope.theta();
    if (rope.scaling() == RopeConfig.Scaling.DYNAMIC) {
      double stretch = (double) Math.max(sequenceLength, maxPositions) / maxPositions;
      base *=
          Math.pow(
              rope.factor() * stretch - (rope.factor() - 1),
              (double) rope.dim() / (rope.dim() - 2));
    }
    double[] f = new double[rope.dim() / 2];
    for (int i = 0; i < f.length; i++) {
      f[i] = Math.pow(base, -2.0 * i / rope.dim());
    }
    switch (rope.scaling()) {
      case LINEAR -> {
        for (int i = 0; i < f.length; i++) {
          f[i] /= rope.factor();
        }
      }
      case LLAMA3 -> llama3(rope, f);
      case YARN -> yarn(rope, original(rope, maxPositions), f);
      case LONGROPE -> {
        double[] stretch =
            sequenceLength > original(rope, maxPositions) ? rope.longFactor() : rope.shortFactor();
        for (int i = 0; i < f.length; i++) {
          f[i] /= stretch[i];
        }
      }
      case NONE, DYNAMIC -> {}
    }
    return f;
  }

  /**
   * The shortest sequence with the frequencies of one of {@code sequenceLength}: 0 where the length
   * does not matter.
   */
  public static int effectiveLength(RopeConfig rope, int maxPositions, int sequenceLength) {
    return switch (rope.scaling()) {
      case DYNAMIC -> sequenceLength <= maxPositions ? 0 : sequenceLength;
      case LONGROPE -> {
        int original = original(rope, maxPositions);
        yield sequenceLength <= original ? 0 : original + 1;
      }
      default -> 0;
    };
  }

  /** Factor on both cosine and sine: 1 except for YaRN and LongRoPE. */
  public static double attentionFactor(RopeConfig rope, int maxPositions) {
    if (rope.attentionFactor() != 0) {
      return rope.attentionFactor();
    }
    return switch (rope.scaling()) {
      case YARN -> rope.factor() <= 1 ? 1 : 0.1 * Math.log(rope.factor()) + 1;
      case LONGROPE -> {
        int original = original(rope, maxPositions);
        double factor = rope.factor() > 1 ? rope.factor() : (double) maxPositions / original;
        yield factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(original));
      }
      default -> 1;
    };
  }

  private static int original(RopeConfig rope, int maxPositions) {
    return rope.originalMaxPositions() > 0 ? rope.originalMaxPositions() : maxPositions;
  }

  /** Long wavelengths are stretched by the factor, short ones kept, those between blended. */
  private static void llama3(RopeConfig rope, double[] f) {
    double original = rope.originalMaxPositions();
    for (int i = 0; i < f.length; i++) {
      double turns = original * f[i] / (2 * Math.PI);
      double keep =
          Math.clamp(
              (turns - rope.lowFreqFactor()) / (rope.highFreqFactor() - rope.lowFreqFactor()),
              0.0,
              1.0);
      f[i] = (1 - keep) * f[i] / rope.factor() + keep * f[i];
    }
  }

  /** A linear ramp over the dimensions between those that turn betaFast and betaSlow times. */
  private static void yarn(RopeConfig rope, int original, double[] f) {
    double low = Math.max(0, Math.floor(yarnDimension(rope, rope.betaFast(), original)));
    double high =
        Math.min(rope.dim() - 1, Math.ceil(yarnDimension(rope, rope.betaSlow(), original)));
    double width = Math.max(high - low, 0.001);
    for (int i = 0; i < f.length; i++) {
      double stretch = Math.clamp((i - low) / width, 0.0, 1.0);
      f[i] = stretch * f[i] / rope.factor() + (1 - stretch) * f[i];
    }
  }

  private static double yarnDimension(RopeConfig rope, double turns, int original) {
    return rope.dim() * Math.log(original / (turns * 2 * Math.PI)) / (2 * Math.log(rope.theta()));
  }
}
