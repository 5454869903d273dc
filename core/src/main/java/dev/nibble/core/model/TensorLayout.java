package dev.nibble.core.model;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Which tensors a configuration asks for, and their shapes: the checkable half of {@link
 * TensorNames}. Maps are in execution order.
 */
public final class TensorLayout {
  private TensorLayout() {}

  /** Every tensor of the model; a tied head has none of its own. */
  public static Map<String, long[]> all(ModelConfig config) {
    Map<String, long[]> out = embedding(config);
    for (int layer = 0; layer < config.layers(); layer++) {
      out.putAll(layer(config, layer));
    }
    Map<String, long[]> head = head(config);
    if (config.tiedHead()) {
      head.remove(TensorNames.weight(TensorNames.HEAD));
    }
    out.putAll(head);
    return out;
  }

  /** Token embedding, learned positions, projection to the hidden width, norm. */
  public static Map<String, long[]> embedding(ModelConfig config) {
    Map<String, long[]> out = new LinkedHashMap<>();
    int hidden = config.hiddenSize();
    out.put(
        TensorNames.weight(TensorNames.EMBEDDING),
        shape(config.vocabSize(), config.embeddingSize()));
    boolean encoder = config.encoder().present();
    if (config.embeddingSize() != hidden) {
      linear(out, TensorNames.PROJECT_IN, hidden, config.embeddingSize(), encoder);
    }
    int width = encoder ? config.embeddingSize() : hidden;
    if (config.positions() == ModelConfig.Positions.LEARNED) {
      int rows = config.maxPositions() + config.positionOffset();
      out.put(TensorNames.weight(TensorNames.POSITIONS), shape(rows, width));
    }
    if (encoder) {
      out.put(TensorNames.weight(TensorNames.TYPES), shape(config.encoder().tokenTypes(), width));
    }
    if (config.embeddingNorm()) {
      norm(out, config, TensorNames.EMBEDDING_NORM, width);
    }
    return out;
  }

  /** One decoder block. */
  public static Map<String, long[]> layer(ModelConfig config, int index) {
    Map<String, long[]> out = new LinkedHashMap<>();
    int hidden = config.hiddenSize();
    norm(out, config, TensorNames.layer(index, TensorNames.INPUT_NORM));
    boolean bias = config.attentionBias();
    linear(out, TensorNames.layer(index, TensorNames.Q), config.qSize(), hidden, bias);
    linear(out, TensorNames.layer(index, TensorNames.K), config.kvSize(), hidden, bias);
    linear(out, TensorNames.layer(index, TensorNames.V), config.kvSize(), hidden, bias);
    if (config.qkNorm()) {
      for (String part : new String[] {TensorNames.Q_NORM, TensorNames.K_NORM}) {
        out.put(TensorNames.weight(TensorNames.layer(index, part)), shape(config.headDim()));
      }
    }
    linear(
        out, TensorNames.layer(index, TensorNames.O), hidden, config.qSize(), config.outputBias());
    if (config.residual() != ModelConfig.Residual.PARALLEL_SHARED_NORM) {
      norm(out, config, TensorNames.layer(index, TensorNames.POST_NORM));
    }
    if (config.residual() == ModelConfig.Residual.SANDWICH) {
      norm(out, config, TensorNames.layer(index, TensorNames.ATTENTION_OUT_NORM));
      norm(out, config, TensorNames.layer(index, TensorNames.MLP_OUT_NORM));
    }
    if (config.moe().at(index)) {
      linear(
          out, TensorNames.layer(index, TensorNames.ROUTER), config.moe().experts(), hidden, false);
      if (config.moe().sharedGate()) {
        linear(out, TensorNames.layer(index, TensorNames.SHARED_GATE), 1, hidden, false);
      }
    }
    for (Mlp mlp : Mlp.of(config, index)) {
      if (config.gated()) {
        linear(out, mlp.gate(), mlp.size(), hidden, config.mlpBias());
      }
      linear(out, mlp.up(), mlp.size(), hidden, config.mlpBias());
      linear(out, mlp.down(), hidden, mlp.size(), config.mlpBias());
    }
    return out;
  }

  /** Final norm, projection to the embedding width, head (also when it is tied). */
  public static Map<String, long[]> head(ModelConfig config) {
    Map<String, long[]> out = new LinkedHashMap<>();
    if (config.encoder().present()) {
      encoderHead(out, config);
      return out;
    }
    if (config.finalNorm()) {
      norm(out, config, TensorNames.FINAL_NORM);
    }
    int width = config.embeddingSize();
    if (width != config.hiddenSize()) {
      out.put(TensorNames.weight(TensorNames.PROJECT_OUT), shape(width, config.hiddenSize()));
    }
    linear(out, TensorNames.HEAD, config.vocabSize(), width, config.headBias());
    return out;
  }

  private static void encoderHead(Map<String, long[]> out, ModelConfig config) {
    int hidden = config.hiddenSize();
    int width = config.embeddingSize();
    switch (config.encoder().head()) {
      case NONE -> {}
      case MASKED_LM -> {
        linear(out, TensorNames.HEAD_DENSE, width, hidden, true);
        norm(out, config, TensorNames.HEAD_NORM, width);
        linear(out, TensorNames.HEAD, config.vocabSize(), width, config.headBias());
      }
      case CLASSIFIER -> {
        linear(out, TensorNames.HEAD_DENSE, hidden, hidden, true);
        linear(out, TensorNames.CLASSIFIER, config.encoder().labels(), hidden, true);
      }
    }
  }

  /**
   * Share of a tensor's bytes that decoding one token reads: of routed experts those that a token
   * goes to, of the embedding one row unless it is the head too.
   *
   * @param tensor canonical name
   */
  public static double activeShare(ModelConfig config, String tensor) {
    if (tensor.contains("." + TensorNames.EXPERTS + ".")) {
      return (double) config.moe().topK() / config.moe().experts();
    }
    if (tensor.equals(TensorNames.weight(TensorNames.EMBEDDING)) && !config.tiedHead()) {
      return 1.0 / config.vocabSize();
    }
    boolean positions = tensor.equals(TensorNames.weight(TensorNames.POSITIONS));
    return positions ? 1.0 / (config.maxPositions() + config.positionOffset()) : 1;
  }

  private static void norm(Map<String, long[]> out, ModelConfig config, String module) {
    norm(out, config, module, config.hiddenSize());
  }

  private static void norm(Map<String, long[]> out, ModelConfig config, String module, int width) {
    out.put(TensorNames.weight(module), shape(width));
    if (config.norm() == ModelConfig.Norm.LAYER) {
      out.put(TensorNames.bias(module), shape(width));
    }
  }

  private static void linear(
      Map<String, long[]> out, String module, long rows, long columns, boolean bias) {
    out.put(TensorNames.weight(module), shape(rows, columns));
    if (bias) {
      out.put(TensorNames.bias(module), shape(rows));
    }
  }

  private static long[] shape(long... dimensions) {
    return dimensions;
  }
}
