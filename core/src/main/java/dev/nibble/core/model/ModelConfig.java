package dev.nibble.core.model;

import java.util.List;

/**
 * A transformer described as data, whatever family it comes from: a decoder, or an encoder. Read
 * from a Hugging Face {@code config.json} or from GGUF metadata; both engines build their forward
 * pass from it alone.
 *
 * @param family source family in Hugging Face's {@code model_type} terms: {@code llama}, {@code
 *     mistral}, {@code qwen2}, {@code qwen3}, {@code mixtral}, {@code qwen2_moe}, {@code
 *     qwen3_moe}, {@code deepseek}, {@code gemma2}, {@code gemma3_text}, {@code opt}, {@code
 *     gpt_neox}, {@code gpt2}, {@code falcon}, {@code bloom}, {@code bert}, {@code electra}
 * @param vocabSize rows of the embedding
 * @param hiddenSize width of the residual stream
 * @param layers decoder blocks
 * @param heads query heads
 * @param kvHeads key/value heads, a divisor of {@code heads}
 * @param headDim width of a head
 * @param ffnSize inner width of a plain MLP
 * @param maxPositions trained context length
 * @param norm kind of normalization
 * @param normEps its epsilon
 * @param activation MLP activation
 * @param gated true for {@code down(act(gate(x)) * up(x))}, false for {@code down(act(up(x)))}
 * @param positions how positions enter
 * @param positionOffset rows skipped at the start of a learned position table (OPT: 2)
 * @param rope rotary parameters, meaningful when {@code positions == ROPE}
 * @param residual order of norms and residual adds in a block
 * @param attentionBias q/k/v have biases
 * @param outputBias the attention output projection has a bias
 * @param mlpBias the MLP projections have biases
 * @param qkNorm per-head RMSNorm on q and k before the rotary embedding (Qwen3)
 * @param embeddingNorm a norm right after the embedding (BLOOM)
 * @param finalNorm a norm before the head
 * @param tiedHead the head is the embedding
 * @param headBias the head has a bias
 * @param slidingWindow attention window in tokens, 0 for full
 * @param embeddingSize width of the embedding when it differs from {@code hiddenSize} (projected in
 *     and out), else equal to it
 * @param dtype element type name of the source weights: {@code float32}, {@code float16}, {@code
 *     bfloat16}
 * @param bosId begin-of-sequence token, -1 for none
 * @param eosIds end-of-sequence tokens
 * @param scalars unusual factors and caps
 * @param local layers with a window and rotary parameters of their own
 * @param encoder tables and head of an encoder; {@link EncoderConfig#NONE} for a decoder
 * @param moe experts in place of plain MLPs
 */
public record ModelConfig(
    String family,
    int vocabSize,
    int hiddenSize,
    int layers,
    int heads,
    int kvHeads,
    int headDim,
    int ffnSize,
    int maxPositions,
    Norm norm,
    double normEps,
    Activation activation,
    boolean gated,
    Positions positions,
    int positionOffset,
    RopeConfig rope,
    Residual residual,
    boolean attentionBias,
    boolean outputBias,
    boolean mlpBias,
    boolean qkNorm,
    boolean embeddingNorm,
    boolean finalNorm,
    boolean tiedHead,
    boolean headBias,
    int slidingWindow,
    int embeddingSize,
    String dtype,
    int bosId,
    List<Integer> eosIds,
    Scalars scalars,
    LocalAttention local,
    EncoderConfig encoder,
    MoeConfig moe) {

  /** Normalization. */
  public enum Norm {
    RMS,
    LAYER
  }

  /**
   * MLP activation; {@code GELU} is the exact erf form, {@code GELU_TANH} the tanh approximation.
   */
  public enum Activation {
    SILU,
    GELU,
    GELU_TANH,
    RELU,
    TANH
  }

  /** Source of position information. */
  public enum Positions {
    ROPE,
    ALIBI,
    LEARNED
  }

  /** How attention, MLP, norms and the residual stream are arranged in a block. */
  public enum Residual {
    /** {@code x += attn(norm1(x)); x += mlp(norm2(x))}. */
    SEQUENTIAL,
    /** {@code x = norm1(x + attn(x)); x = norm2(x + mlp(x))} (OPT-350m). */
    POST_NORM,
    /** {@code x += attn(norm1(x)) + mlp(norm2(x))} (GPT-NeoX, Falcon new decoder). */
    PARALLEL,
    /** {@code x += attn(norm1(x)) + mlp(norm1(x))} (Falcon-7B). */
    PARALLEL_SHARED_NORM,
    /**
     * {@code x += out1(attn(norm1(x))); x += out2(mlp(norm2(x)))}: a norm before and one behind
     * each part (Gemma 2 and 3).
     */
    SANDWICH
  }

  /** Copies the list. */
  public ModelConfig {
    eosIds = List.copyOf(eosIds);
  }

  /** A decoder with the usual scalars, whose layers all attend alike and have no experts. */
  public ModelConfig(
      String family,
      int vocabSize,
      int hiddenSize,
      int layers,
      int heads,
      int kvHeads,
      int headDim,
      int ffnSize,
      int maxPositions,
      Norm norm,
      double normEps,
      Activation activation,
      boolean gated,
      Positions positions,
      int positionOffset,
      RopeConfig rope,
      Residual residual,
      boolean attentionBias,
      boolean outputBias,
      boolean mlpBias,
      boolean qkNorm,
      boolean embeddingNorm,
      boolean finalNorm,
      boolean tiedHead,
      boolean headBias,
      int slidingWindow,
      int embeddingSize,
      String dtype,
      int bosId,
      List<Integer> eosIds) {
    this(
        family,
        vocabSize,
        hiddenSize,
        layers,
        heads,
        kvHeads,
        headDim,
        ffnSize,
        maxPositions,
        norm,
        normEps,
        activation,
        gated,
        positions,
        positionOffset,
        rope,
        residual,
        attentionBias,
        outputBias,
        mlpBias,
        qkNorm,
        embeddingNorm,
        finalNorm,
        tiedHead,
        headBias,
        slidingWindow,
        embeddingSize,
        dtype,
        bosId,
        eosIds,
        Scalars.USUAL,
        LocalAttention.NONE,
        EncoderConfig.NONE,
        MoeConfig.NONE);
  }

  /** True when a layer is one of {@link #local}. */
  public boolean isLocal(int layer) {
    return local.layers().contains(layer);
  }

  /** Attention window of a layer in tokens, 0 for full. */
  public int window(int layer) {
    return isLocal(layer) ? local.window() : slidingWindow;
  }

  /** Rotary parameters of a layer. */
  public RopeConfig rope(int layer) {
    return isLocal(layer) ? local.rope() : rope;
  }

  /** Factor on the products of queries and keys. */
  public double attentionScale() {
    return scalars.attention() == 0 ? 1 / Math.sqrt(headDim) : scalars.attention();
  }

  /** Rows of q. */
  public int qSize() {
    return heads * headDim;
  }

  /** Rows of k and of v. */
  public int kvSize() {
    return kvHeads * headDim;
  }

  /** The same model with an untied head (after a rewrite that makes head and embedding differ). */
  public ModelConfig withUntiedHead() {
    return copy(norm, attentionBias, mlpBias, headBias, embeddingNorm, false, moe);
  }

  /** The same model with another normalization (LayerNorm turned into RMSNorm by mean folding). */
  public ModelConfig withNorm(Norm other) {
    return copy(other, attentionBias, mlpBias, headBias, embeddingNorm, tiedHead, moe);
  }

  /**
   * The same model with other biases (after a rewrite that folds a norm's bias into its readers).
   */
  public ModelConfig withBiases(boolean attention, boolean mlp, boolean head) {
    return copy(norm, attention, mlp, head, embeddingNorm, tiedHead, moe);
  }

  /** The same model without the norm after the embedding (folded into the table). */
  public ModelConfig withoutEmbeddingNorm() {
    return copy(norm, attentionBias, mlpBias, headBias, false, tiedHead, moe);
  }

  /** The same model with these experts. */
  public ModelConfig withMoe(MoeConfig experts) {
    return copy(norm, attentionBias, mlpBias, headBias, embeddingNorm, tiedHead, experts);
  }

  private ModelConfig copy(
      Norm newNorm,
      boolean newAttentionBias,
      boolean newMlpBias,
      boolean newHeadBias,
      boolean newEmbeddingNorm,
      boolean newTiedHead,
      MoeConfig newMoe) {
    return new ModelConfig(
        family,
        vocabSize,
        hiddenSize,
        layers,
        heads,
        kvHeads,
        headDim,
        ffnSize,
        maxPositions,
        newNorm,
        normEps,
        activation,
        gated,
        positions,
        positionOffset,
        rope,
        residual,
        newAttentionBias,
        outputBias,
        newMlpBias,
        qkNorm,
        newEmbeddingNorm,
        finalNorm,
        newTiedHead,
        newHeadBias,
        slidingWindow,
        embeddingSize,
        dtype,
        bosId,
        eosIds,
        scalars,
        local,
        encoder,
        newMoe);
  }
}
