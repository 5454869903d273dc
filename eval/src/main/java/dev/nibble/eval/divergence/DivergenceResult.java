package dev.nibble.eval.divergence;

import dev.nibble.eval.statistics.Estimate;

/**
 * Distance of a quantized model Q to the original P.
 *
 * @param conditions protocol and text
 * @param windows sequences read
 * @param positions compared positions
 * @param errors positions left out because a logit was not finite
 * @param kld mean Kullback–Leibler divergence in nats
 * @param kldPercentiles its distribution over positions
 * @param kldMax its largest value
 * @param histogram its distribution on a logarithmic axis
 * @param top1 share of positions whose most likely token is the same
 * @param top5 mean overlap of the five most likely tokens, 0 to 1
 * @param deltaP mean change of the true token's probability
 * @param deltaPRms root mean square of that change
 * @param deltaPPercentiles its distribution; a heavier negative side is real loss
 * @param lnPplRatio {@code ln(PPL_Q / PPL_P)} with its paired error
 * @param perplexityBase perplexity of P on the same positions
 * @param perplexityQuantized perplexity of Q on the same positions
 */
public record DivergenceResult(
    String conditions,
    int windows,
    long positions,
    long errors,
    Estimate kld,
    Percentiles kldPercentiles,
    double kldMax,
    Histogram histogram,
    Estimate top1,
    Estimate top5,
    Estimate deltaP,
    double deltaPRms,
    Percentiles deltaPPercentiles,
    Estimate lnPplRatio,
    Estimate perplexityBase,
    Estimate perplexityQuantized) {}
