package dev.nibble.compress.train;

import dev.nibble.compress.recipe.OptionReader;
import dev.nibble.core.NibbleException;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.MoeConfig;
import dev.nibble.core.model.RopeConfig;
import java.util.List;

/**
 * Shape of the network: RMSNorm, RoPE, grouped-query attention, SwiGLU, tied head, no biases; with
 * experts, every layer has Mixtral's in place of the MLP.
 *
 * @param hidden width of the residual stream
 * @param layers decoder blocks
 * @param heads query heads, a divisor of {@code hidden}
 * @param kvHeads key/value heads, a divisor of {@code heads}
 * @param ffn inner width of the MLP, or of each expert
 * @param context longest sequence
 * @param experts of a layer, 0 for an MLP
 * @param topK experts of a token, 0 without
 */
public record ModelShape(
    int hidden, int layers, int heads, int kvHeads, int ffn, int context, int experts, int topK) {

  /** Ids that end a text: end of document, end of a chat turn. */
  static final List<Integer> ENDS = List.of(0, 3);

  static ModelShape read(OptionReader options) {
    int experts = options.integer("experts", 0, 0, 1024);
    ModelShape shape =
        new ModelShape(
            options.integer("hidden", 256, 8, 8192),
            options.integer("layers", 4, 1, 128),
            options.integer("heads", 4, 1, 256),
            options.integer("kv_heads", 2, 1, 256),
            options.integer("ffn", 768, 8, 65536),
            options.integer("context", 512, 8, 1 << 20),
            experts,
            experts == 0 ? 0 : options.integer("top_k", Math.min(2, experts), 1, experts));
    if (shape.hidden % shape.heads != 0 || shape.hidden / shape.heads % 2 != 0) {
      throw new NibbleException(
          options.where()
              + ".heads: "
              + shape.heads
              + " heads do not divide the hidden width "
              + shape.hidden
              + " into an even width each; choose another number");
    }
    if (shape.heads % shape.kvHeads != 0) {
      throw new NibbleException(
          options.where()
              + ".kv_heads: "
              + shape.kvHeads
              + " does not divide the "
              + shape.heads
              + " query heads; choose a divisor");
    }
    return shape;
  }

  /** The configuration of the model to train. */
  ModelConfig config(int vocabSize) {
    int headDim = hidden / heads;
    ModelConfig config = plain(vocabSize, headDim);
    return experts == 0
        ? config
        : config.withMoe(
            new MoeConfig(
                experts, topK, ffn, 0, false, MoeConfig.Scoring.SOFTMAX, true, 1, List.of()));
  }

  private ModelConfig plain(int vocabSize, int headDim) {
    return new ModelConfig(
        experts == 0 ? "llama" : "mixtral",
        vocabSize,
        hidden,
        layers,
        heads,
        kvHeads,
        headDim,
        ffn,
        context,
        ModelConfig.Norm.RMS,
        1e-5,
        ModelConfig.Activation.SILU,
        true,
        ModelConfig.Positions.ROPE,
        0,
        RopeConfig.plain(10_000, headDim),
        ModelConfig.Residual.SEQUENTIAL,
        false,
        false,
        false,
        false,
        false,
        true,
        true,
        false,
        0,
        hidden,
        "bfloat16",
        0,
        ENDS);
  }
}
