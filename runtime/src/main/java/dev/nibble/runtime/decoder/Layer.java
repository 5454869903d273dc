package dev.nibble.runtime.decoder;

import dev.nibble.core.op.SiteOps;

/**
 * One decoder block's parameters.
 *
 * @param inputNorm norm before (or, post-norm, after) the attention
 * @param postNorm norm of the MLP, null when it shares {@code inputNorm}
 * @param attentionOutNorm norm behind the attention or null
 * @param mlpOutNorm norm behind the MLP or null
 * @param qNorm per-head norm of the queries or null
 * @param kNorm per-head norm of the keys or null
 * @param attentionOps transforms of queries and keys after the rotary embedding
 * @param feedForward MLP or experts
 */
record Layer(
    Norm inputNorm,
    Norm postNorm,
    Norm attentionOutNorm,
    Norm mlpOutNorm,
    Linear q,
    Linear k,
    Linear v,
    Linear o,
    Norm qNorm,
    Norm kNorm,
    SiteOps attentionOps,
    FeedForward feedForward) {}
