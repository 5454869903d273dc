package dev.nibble.models;

import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.op.OnlineTransform;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/** A block of a decoder or an encoder: attention and MLP around the residual stream. */
final class LayerBlock extends LoadedBlock {
  private final int index;
  private final Attention attention;

  LayerBlock(int index, ModelConfig config, Attention attention, Map<String, Tensor> parameters) {
    super(TensorNames.layer(index), config, BlockStructure.layer(config, index), parameters);
    this.index = index;
    this.attention = attention;
    addState(at(TensorNames.ATTENTION));
  }

  private LayerBlock(LayerBlock of, Substitutes substitutes) {
    super(of, substitutes);
    this.index = of.index;
    this.attention = of.attention;
  }

  @Override
  public Block view(Substitutes substitutes) {
    return new LayerBlock(this, substitutes);
  }

  @Override
  public Tensor forward(Tensor input, BlockContext context) {
    return Torch.scope(
        () -> {
          String first = at(TensorNames.INPUT_NORM);
          String second = at(TensorNames.POST_NORM);
          return switch (config.residual()) {
            case SEQUENTIAL -> {
              Tensor x = input.add(attend(norm(first, input), context));
              yield x.add(mlp(norm(second, x), context));
            }
            case POST_NORM -> {
              Tensor x = norm(first, input.add(attend(input, context)));
              yield norm(second, x.add(mlp(x, context)));
            }
            case SANDWICH -> {
              Tensor attended = attend(norm(first, input), context);
              Tensor x = input.add(norm(at(TensorNames.ATTENTION_OUT_NORM), attended));
              yield x.add(norm(at(TensorNames.MLP_OUT_NORM), mlp(norm(second, x), context)));
            }
            case PARALLEL ->
                input
                    .add(attend(norm(first, input), context))
                    .add(mlp(norm(second, input), context));
            case PARALLEL_SHARED_NORM -> {
              Tensor normed = norm(first, input);
              yield input.add(attend(normed, context)).add(mlp(normed, context));
            }
          };
        });
  }

  @Override
  public Tensor forwardPart(String part, Tensor input, BlockContext context) {
    return Torch.scope(
        () ->
            switch (part) {
              case "self_attn" -> attend(input, context);
              case "mlp" -> mlp(input, context);
              default -> super.forwardPart(part, input, context);
            });
  }

  private Tensor attend(Tensor x, BlockContext context) {
    Tensor q = heads(linear(at(TensorNames.Q), x, context), config.heads());
    Tensor k = heads(linear(at(TensorNames.K), x, context), config.kvHeads());
    Tensor v = heads(linear(at(TensorNames.V), x, context), config.kvHeads());
    if (config.qkNorm()) {
      q = rmsNorm(q, parameter(TensorNames.weight(at(TensorNames.Q_NORM))));
      k = rmsNorm(k, parameter(TensorNames.weight(at(TensorNames.K_NORM))));
    }
    q = attention.rotate(q);
    k = attention.rotate(k);
    for (OnlineTransform transform : state(at(TensorNames.ATTENTION)).transforms()) {
      q = OnlineTransforms.apply(transform, q);
      k = OnlineTransforms.apply(transform, k);
    }
    Tensor mixed = attention.mix(q, k, v, context).transpose(1, 2);
    Tensor joined = mixed.reshape(x.size(0), x.size(1), config.qSize());
    return linear(at(TensorNames.O), joined, context);
  }

  /** {@code [batch, seq, n * headDim]} → {@code [batch, n, seq, headDim]}. */
  private Tensor heads(Tensor x, int count) {
    return x.view(x.size(0), x.size(1), count, config.headDim()).transpose(1, 2);
  }

  private Tensor mlp(Tensor x, BlockContext context) {
    if (config.gated()) {
      Tensor gate = activate(config.activation(), linear(at(TensorNames.GATE), x, context));
      Tensor up = linear(at(TensorNames.UP), x, context);
      return linear(at(TensorNames.DOWN), gate.mul(up), context);
    }
    Tensor inner = activate(config.activation(), linear(at(TensorNames.UP), x, context));
    return linear(at(TensorNames.DOWN), inner, context);
  }

  private String at(String part) {
    return TensorNames.layer(index, part);
  }
}
