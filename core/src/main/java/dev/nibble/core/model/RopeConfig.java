package dev.nibble.core.model;

/**
 * Rotary position embedding in half-split order (dimension i pairs with {@code i + dim/2}).
 *
 * @param theta base
 * @param dim rotated dimensions at the start of each head (smaller than the head for partial
 *     rotary)
 * @param scaling context-extension rule
 * @param factor its factor (1 for none)
 * @param lowFreqFactor Llama 3
 * @param highFreqFactor Llama 3
 * @param originalMaxPositions context before extension
 * @param betaFast YaRN
 * @param betaSlow YaRN
 * @param attentionFactor YaRN/LongRoPE factor on cos and sin, 0 to derive it
 * @param shortFactor LongRoPE factors, {@code dim/2} values, or empty
 * @param longFactor LongRoPE factors, {@code dim/2} values, or empty
 */
public record RopeConfig(
    double theta,
    int dim,
    Scaling scaling,
    double factor,
    double lowFreqFactor,
    double highFreqFactor,
    int originalMaxPositions,
    double betaFast,
    double betaSlow,
    double attentionFactor,
    double[] shortFactor,
    double[] longFactor) {

  /** Context-extension rules by their Hugging Face names. */
  public enum Scaling {
    NONE,
    LINEAR,
    DYNAMIC,
    LLAMA3,
    YARN,
    LONGROPE
  }

  /** No scaling. */
  public static RopeConfig plain(double theta, int dim) {
    return new RopeConfig(
        theta, dim, Scaling.NONE, 1, 1, 4, 0, 32, 1, 0, new double[0], new double[0]);
  }
}
