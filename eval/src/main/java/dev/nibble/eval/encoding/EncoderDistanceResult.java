package dev.nibble.eval.encoding;

import dev.nibble.eval.statistics.Estimate;

/**
 * Distance of a quantized encoder to its original on some texts. Figures of a head that is not
 * there are NaN.
 *
 * @param conditions what the texts are and how they were read
 * @param texts number of texts
 * @param cosine mean cosine between the two vectors of a text
 * @param cosineMin the smallest
 * @param nearest share of texts whose nearest other text is the same
 * @param neighbours mean share of the {@value EncoderDistance#NEIGHBOURS} nearest others (of all,
 *     when there are fewer) that are the same
 * @param positions predictions compared: masked tokens, or texts for a classifier
 * @param kld their mean Kullback–Leibler divergence from the original, nats
 * @param top1 share of them with the same most likely token or label
 */
public record EncoderDistanceResult(
    String conditions,
    int texts,
    Estimate cosine,
    double cosineMin,
    Estimate nearest,
    Estimate neighbours,
    long positions,
    Estimate kld,
    Estimate top1) {}
