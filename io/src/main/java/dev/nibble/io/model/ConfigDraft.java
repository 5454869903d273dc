package dev.nibble.io.model;

import dev.nibble.core.model.EncoderConfig;
import dev.nibble.core.model.LocalAttention;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.ModelConfig.Activation;
import dev.nibble.core.model.ModelConfig.Norm;
import dev.nibble.core.model.ModelConfig.Positions;
import dev.nibble.core.model.ModelConfig.Residual;
import dev.nibble.core.model.MoeConfig;
import dev.nibble.core.model.RopeConfig;
import dev.nibble.core.model.Scalars;
import dev.nibble.io.json.JsonFields;
import java.util.List;

/**
 * A {@link ModelConfig} being filled in, starting as the plainest Llama. The fields are those of
 * the record. {@link #build} checks what must hold between fields, so that no later arithmetic on
 * sizes can overflow or divide by zero.
 */
final class ConfigDraft {
  /** Largest size of anything: heads, widths, vocabulary, positions. */
  static final int MAX_COUNT = 1 << 24;

  /** Deepest model. */
  static final int MAX_LAYERS = 1 << 14;

  String family;
  int vocabSize;
  int hiddenSize;
  int layers;
  int heads;
  int kvHeads;

  /** Width of a head, 0 for {@code hiddenSize / heads}. */
  int headDim;

  int ffnSize;
  int maxPositions;
  Norm norm = Norm.RMS;
  double normEps;
  Activation activation = Activation.SILU;
  boolean gated = true;
  Positions positions = Positions.ROPE;
  int positionOffset;

  /** Null for a model without rotary positions. */
  RopeConfig rope;

  Residual residual = Residual.SEQUENTIAL;
  boolean attentionBias;
  boolean outputBias;
  boolean mlpBias;
  boolean qkNorm;
  boolean embeddingNorm;
  boolean finalNorm = true;
  boolean tiedHead;
  boolean headBias;
  int slidingWindow;

  /** 0 for {@code hiddenSize}. */
  int embeddingSize;

  String dtype = "float32";
  int bosId = -1;
  List<Integer> eosIds = List.of();
  Scalars scalars = Scalars.USUAL;
  LocalAttention local = LocalAttention.NONE;
  EncoderConfig encoder = EncoderConfig.NONE;
  MoeConfig moe = MoeConfig.NONE;

  /** Sets {@code headDim} to {@code hiddenSize / heads} where it is still 0. */
  int resolveHeadDim(JsonFields source, String headsKey) {
    if (headDim == 0) {
      if (hiddenSize % heads != 0) {
        throw source.problem(
            headsKey, heads + " heads do not divide the hidden size " + hiddenSize + " evenly");
      }
      headDim = hiddenSize / heads;
    }
    return headDim;
  }

  /**
   * The finished configuration.
   *
   * @param source what to blame when the sizes do not fit together
   */
  ModelConfig build(JsonFields source) {
    resolveHeadDim(source, "num_attention_heads");
    RopeConfig rotary = rope == null ? RopeConfig.plain(10000, headDim & ~1) : rope;
    check(source, rotary);
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
        norm,
        normEps,
        activation,
        gated,
        positions,
        positionOffset,
        rotary,
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
        embeddingSize == 0 ? hiddenSize : embeddingSize,
        dtype,
        bosId,
        eosIds,
        scalars,
        local,
        encoder,
        moe);
  }

  private void check(JsonFields source, RopeConfig rotary) {
    MoeJson.check(moe, source);
    if (heads % kvHeads != 0) {
      throw source.problem(
          "num_key_value_heads", kvHeads + " key/value heads do not divide " + heads + " heads");
    }
    if ((long) heads * headDim > MAX_COUNT) {
      throw source.problem("head_dim", heads + " heads of width " + headDim + " are too many");
    }
    if (!local.layers().isEmpty() && local.layers().getLast() >= layers) {
      throw source.problem(
          "layer_types", "names layer " + local.layers().getLast() + " of " + layers + " layers");
    }
    if (positions == Positions.ROPE) {
      if (!local.layers().isEmpty() && local.rope().dim() != rotary.dim()) {
        throw source.problem(
            "rope_parameters",
            "layers with "
                + local.rope().dim()
                + " and with "
                + rotary.dim()
                + " rotary dimensions in one model are not supported");
      }
      int least = rotary.scaling() == RopeConfig.Scaling.DYNAMIC ? 4 : 2;
      if (rotary.dim() < least || rotary.dim() > headDim || rotary.dim() % 2 != 0) {
        throw source.problem(
            "head_dim",
            rotary.dim()
                + " rotary dimensions do not fit heads of width "
                + headDim
                + "; an even number from "
                + least
                + " on is needed");
      }
    }
  }
}
