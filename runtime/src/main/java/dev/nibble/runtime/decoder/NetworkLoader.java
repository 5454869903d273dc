package dev.nibble.runtime.decoder;

import dev.nibble.core.NibbleException;
import dev.nibble.core.model.EncoderConfig.Head;
import dev.nibble.core.model.Mlp;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.ModelWeights;
import dev.nibble.core.model.MoeConfig;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.op.SiteOps;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.runtime.kernel.KernelSet;
import dev.nibble.runtime.kernel.Matrix;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Binds a model's tensors to kernels, checking every shape against the configuration. */
public final class NetworkLoader {
  private final ModelWeights weights;
  private final ModelConfig config;
  private final KernelSet kernels;
  private final Map<String, Integer> used = new TreeMap<>();

  private NetworkLoader(ModelWeights weights, KernelSet kernels) {
    this.weights = weights;
    this.config = weights.config();
    this.kernels = kernels;
  }

  /**
   * Binds every tensor.
   *
   * @throws NibbleException when a tensor is missing or has another shape than the configuration
   *     says
   */
  public static Network load(ModelWeights weights, KernelSet kernels) {
    return new NetworkLoader(weights, kernels).network();
  }

  private Network network() {
    check(config.kvHeads() > 0 && config.heads() % config.kvHeads() == 0, "kv heads divide heads");
    int h = config.hiddenSize();
    int e = config.embeddingSize();
    Matrix embedding =
        bind(tensor(TensorNames.weight(TensorNames.EMBEDDING), config.vocabSize(), e));
    boolean projected = e != h;
    boolean encoder = config.encoder().present();
    List<Layer> layers = new ArrayList<>();
    for (int i = 0; i < config.layers(); i++) {
      layers.add(layer(i));
    }
    return new Network(
        config,
        embedding,
        config.positions() == ModelConfig.Positions.LEARNED
            ? bind(
                tensor(
                    TensorNames.weight(TensorNames.POSITIONS),
                    config.maxPositions() + config.positionOffset(),
                    encoder ? e : h))
            : null,
        encoder ? firstType(e) : null,
        config.embeddingNorm()
            ? norm(TensorNames.EMBEDDING_NORM, encoder ? e : h, config.norm())
            : null,
        projected ? linear(TensorNames.PROJECT_IN, h, e, encoder) : null,
        layers,
        config.finalNorm() ? norm(TensorNames.FINAL_NORM, h, config.norm()) : null,
        projected && !encoder ? linear(TensorNames.PROJECT_OUT, e, h, false) : null,
        encoderHead(),
        head(embedding, e),
        used);
  }

  /** Vector of the type that all tokens of a single text have. */
  private float[] firstType(int width) {
    PackedTensor table =
        tensor(TensorNames.weight(TensorNames.TYPES), config.encoder().tokenTypes(), width);
    float[] out = new float[width];
    table.dequantize(0, 1, out, 0);
    return out;
  }

  /** The part of an encoder's head before its last linear, or null. */
  private Network.Transform encoderHead() {
    int h = config.hiddenSize();
    int e = config.embeddingSize();
    return switch (config.encoder().head()) {
      case NONE -> null;
      case MASKED_LM ->
          new Network.Transform(
              linear(TensorNames.HEAD_DENSE, e, h, true),
              norm(TensorNames.HEAD_NORM, e, config.norm()));
      case CLASSIFIER -> new Network.Transform(linear(TensorNames.HEAD_DENSE, h, h, true), null);
    };
  }

  private Linear head(Matrix embedding, int width) {
    switch (config.encoder().present() ? config.encoder().head() : Head.MASKED_LM) {
      case NONE -> {
        return null;
      }
      case CLASSIFIER -> {
        int labels = config.encoder().labels();
        return linear(TensorNames.CLASSIFIER, labels, config.hiddenSize(), true);
      }
      case MASKED_LM -> {}
    }
    if (config.tiedHead()) {
      return new Linear(
          embedding,
          vector(TensorNames.bias(TensorNames.HEAD), config.vocabSize(), config.headBias()),
          ops(TensorNames.HEAD));
    }
    return linear(TensorNames.HEAD, config.vocabSize(), width, config.headBias());
  }

  private Layer layer(int i) {
    int h = config.hiddenSize();
    boolean shared = config.residual() == ModelConfig.Residual.PARALLEL_SHARED_NORM;
    boolean sandwich = config.residual() == ModelConfig.Residual.SANDWICH;
    ModelConfig.Norm rms = ModelConfig.Norm.RMS;
    int d = config.headDim();
    return new Layer(
        norm(TensorNames.layer(i, TensorNames.INPUT_NORM), h, config.norm()),
        shared ? null : norm(TensorNames.layer(i, TensorNames.POST_NORM), h, config.norm()),
        sandwich
            ? norm(TensorNames.layer(i, TensorNames.ATTENTION_OUT_NORM), h, config.norm())
            : null,
        sandwich ? norm(TensorNames.layer(i, TensorNames.MLP_OUT_NORM), h, config.norm()) : null,
        linear(TensorNames.layer(i, TensorNames.Q), config.qSize(), h, config.attentionBias()),
        linear(TensorNames.layer(i, TensorNames.K), config.kvSize(), h, config.attentionBias()),
        linear(TensorNames.layer(i, TensorNames.V), config.kvSize(), h, config.attentionBias()),
        linear(TensorNames.layer(i, TensorNames.O), h, config.qSize(), config.outputBias()),
        config.qkNorm() ? norm(TensorNames.layer(i, TensorNames.Q_NORM), d, rms) : null,
        config.qkNorm() ? norm(TensorNames.layer(i, TensorNames.K_NORM), d, rms) : null,
        ops(TensorNames.layer(i, TensorNames.ATTENTION)),
        feedForward(i));
  }

  private FeedForward feedForward(int layer) {
    List<FeedForward.Plain> routed = new ArrayList<>();
    FeedForward.Plain plain = null;
    for (Mlp mlp : Mlp.of(config, layer)) {
      if (mlp.routed()) {
        routed.add(mlp(mlp));
      } else {
        plain = mlp(mlp);
      }
    }
    MoeConfig moe = config.moe();
    if (!moe.at(layer)) {
      return plain;
    }
    int h = config.hiddenSize();
    return new FeedForward.Experts(
        linear(TensorNames.layer(layer, TensorNames.ROUTER), moe.experts(), h, false),
        List.copyOf(routed),
        plain,
        moe.sharedGate()
            ? linear(TensorNames.layer(layer, TensorNames.SHARED_GATE), 1, h, false)
            : null,
        moe.topK());
  }

  private FeedForward.Plain mlp(Mlp mlp) {
    int h = config.hiddenSize();
    int f = mlp.size();
    boolean bias = config.mlpBias();
    return new FeedForward.Plain(
        config.gated() ? linear(mlp.gate(), f, h, bias) : null,
        linear(mlp.up(), f, h, bias),
        linear(mlp.down(), h, f, bias));
  }

  /** A bias is used wherever the file has one; it must be there when the configuration says so. */
  private Linear linear(String module, int rows, int columns, boolean bias) {
    return new Linear(
        bind(tensor(TensorNames.weight(module), rows, columns)),
        vector(TensorNames.bias(module), rows, bias),
        ops(module));
  }

  private Norm norm(String module, int width, ModelConfig.Norm kind) {
    return new Norm(
        kind,
        (float) config.normEps(),
        vector(TensorNames.weight(module), width, true),
        vector(TensorNames.bias(module), width, false));
  }

  private SiteOps ops(String site) {
    return weights.siteOps().getOrDefault(site, SiteOps.NONE);
  }

  private Matrix bind(PackedTensor tensor) {
    Matrix matrix = kernels.bind(tensor);
    used.merge(tensor.typeName() + "=" + matrix.kernel(), 1, Integer::sum);
    return matrix;
  }

  private PackedTensor tensor(String name, int rows, int columns) {
    PackedTensor t = weights.tensor(name);
    if (t.shape().length != 2 || t.rows() != rows || t.columns() != columns) {
      throw new NibbleException(
          name
              + " has shape "
              + Arrays.toString(t.shape())
              + ", but the configuration asks for ["
              + rows
              + ", "
              + columns
              + "]; the model's config and weights do not belong together",
          NibbleException.BAD_INPUT,
          null);
    }
    return t;
  }

  private float[] vector(String name, int length, boolean required) {
    if (!required && !weights.names().contains(name)) {
      return null;
    }
    PackedTensor t = weights.tensor(name);
    if (t.elements() != length) {
      throw new NibbleException(
          name + " has " + t.elements() + " values, but the configuration asks for " + length,
          NibbleException.BAD_INPUT,
          null);
    }
    return t.toFloats();
  }

  private static void check(boolean condition, String rule) {
    if (!condition) {
      throw new NibbleException(
          "the model's configuration breaks a rule: " + rule, NibbleException.BAD_INPUT, null);
    }
  }
}
