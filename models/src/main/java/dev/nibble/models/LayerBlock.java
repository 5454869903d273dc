package dev.nibble.models;

import dev.nibble.core.model.Mlp;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.op.OnlineTransform;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * A block of a decoder or an encoder: attention and MLP, or experts, around the residual stream.
 */
final class LayerBlock extends LoadedBlock {
  private final int index;
  private final Attention attention;
  private final List<Mlp> mlps;

  LayerBlock(int index, ModelConfig config, Attention attention, Map<String, Tensor> parameters) {
    super(TensorNames.layer(index), config, BlockStructure.layer(config, index), parameters);
    this.index = index;
    this.attention = attention;
    this.mlps = Mlp.of(config, index);
    addState(at(TensorNames.ATTENTION));
  }

  private LayerBlock(LayerBlock of, Substitutes substitutes) {
    super(of, substitutes);
    this.index = of.index;
    this.attention = of.attention;
    this.mlps = of.mlps;
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
              yield x.add(feedForward(norm(second, x), context));
            }
            case POST_NORM -> {
              Tensor x = norm(first, input.add(attend(input, context)));
              yield norm(second, x.add(feedForward(x, context)));
            }
            case SANDWICH -> {
              Tensor attended = attend(norm(first, input), context);
              Tensor x = input.add(norm(at(TensorNames.ATTENTION_OUT_NORM), attended));
              yield x.add(
                  norm(at(TensorNames.MLP_OUT_NORM), feedForward(norm(second, x), context)));
            }
            case PARALLEL ->
                input
                    .add(attend(norm(first, input), context))
                    .add(feedForward(norm(second, input), context));
            case PARALLEL_SHARED_NORM -> {
              Tensor normed = norm(first, input);
              yield input.add(attend(normed, context)).add(feedForward(normed, context));
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
              case "mlp" -> feedForward(input, context);
              default -> super.forwardPart(part, input, context);
            });
  }

  /**
   * Column sums without attention maps: with A the map, the gradient of {@code 1ᵀ(A v)} by v is
   * {@code Aᵀ1}.
   */
  @Override
  public Tensor attentionReceived(Tensor input) {
    return Torch.withGrad(
        () -> {
          boolean normed = config.residual() != ModelConfig.Residual.POST_NORM;
          Tensor x = normed ? norm(at(TensorNames.INPUT_NORM), input) : input;
          Tensor q = queries(x, BlockContext.PLAIN).detach();
          Tensor k = keys(x, BlockContext.PLAIN).detach();
          Tensor v = torch.ones_like(k).set_requires_grad(true);
          attention.mix(q, k, v, BlockContext.PLAIN).narrow(-1, 0, 1).sum().backward();
          return v.grad().select(-1, 0).sum(1);
        });
  }

  private Tensor queries(Tensor x, BlockContext context) {
    Tensor q = heads(linear(at(TensorNames.Q), x, context), config.heads());
    return positioned(
        config.qkNorm() ? rmsNorm(q, parameter(TensorNames.weight(at(TensorNames.Q_NORM)))) : q);
  }

  private Tensor keys(Tensor x, BlockContext context) {
    Tensor k = heads(linear(at(TensorNames.K), x, context), config.kvHeads());
    return positioned(
        config.qkNorm() ? rmsNorm(k, parameter(TensorNames.weight(at(TensorNames.K_NORM)))) : k);
  }

  /** Rotary embedding, then the run-time transforms of queries and keys. */
  private Tensor positioned(Tensor x) {
    Tensor y = attention.rotate(x);
    for (OnlineTransform transform : state(at(TensorNames.ATTENTION)).transforms()) {
      y = OnlineTransforms.apply(transform, y);
    }
    return y;
  }

  private Tensor attend(Tensor x, BlockContext context) {
    Tensor q = queries(x, context);
    Tensor k = keys(x, context);
    Tensor v = heads(linear(at(TensorNames.V), x, context), config.kvHeads());
    Tensor mixed = attention.mix(q, k, v, context).transpose(1, 2);
    Tensor joined = mixed.reshape(x.size(0), x.size(1), config.qSize());
    return linear(at(TensorNames.O), joined, context);
  }

  /** {@code [batch, seq, n * headDim]} → {@code [batch, n, seq, headDim]}. */
  private Tensor heads(Tensor x, int count) {
    return x.view(x.size(0), x.size(1), count, config.headDim()).transpose(1, 2);
  }

  private Tensor feedForward(Tensor x, BlockContext context) {
    return config.moe().at(index)
        ? experts(x, context)
        : mlp(mlps.getFirst(), x, context.observer());
  }

  /** Only experts that some token goes to are computed. */
  private Tensor experts(Tensor x, BlockContext context) {
    Tensor tokens = x.reshape(-1, config.hiddenSize());
    Tensor logits = linear(at(TensorNames.ROUTER), x, context);
    Routing routing =
        Routing.of(config.moe(), logits.view(-1, config.moe().experts()), at(TensorNames.ROUTER));
    List<Tensor> outputs = new ArrayList<>();
    Tensor shared = null;
    for (Mlp mlp : mlps) {
      if (!mlp.routed()) {
        shared = shared(mlp, x, context);
        continue;
      }
      boolean all = context.shownAll().contains(mlp.module());
      if (all) {
        show(mlp, tokens, context.observer());
      }
      long[] rows = routing.tokens(mlp.expert());
      if (rows.length > 0) {
        Tensor part = tokens.index_select(0, Torch.fromLongs(rows, rows.length)).unsqueeze(0);
        Tensor y = mlp(mlp, part, all ? null : routed(context.observer(), rows));
        outputs.add(y.squeeze(0));
      }
    }
    Tensor sum = routing.combine(outputs).view(x.size(0), x.size(1), config.hiddenSize());
    return shared == null ? sum : sum.add(shared);
  }

  private Tensor shared(Mlp mlp, Tensor x, BlockContext context) {
    Tensor y = mlp(mlp, x, context.observer());
    return config.moe().sharedGate()
        ? y.mul(torch.sigmoid(linear(at(TensorNames.SHARED_GATE), x, context)))
        : y;
  }

  /** Runs an expert on every token only to be watched. */
  private void show(Mlp mlp, Tensor tokens, BlockContext.SiteObserver observer) {
    long[] rows = new long[Math.toIntExact(tokens.size(0))];
    Arrays.setAll(rows, i -> i);
    mlp(mlp, tokens.unsqueeze(0), routed(observer, rows));
  }

  private static BlockContext.SiteObserver routed(
      BlockContext.SiteObserver observer, long[] tokens) {
    return observer == null ? null : (site, input) -> observer.observe(site, input, tokens);
  }

  private Tensor mlp(Mlp mlp, Tensor x, BlockContext.SiteObserver observer) {
    if (config.gated()) {
      Tensor gate = activate(config.activation(), linear(mlp.gate(), x, observer));
      Tensor up = linear(mlp.up(), x, observer);
      return linear(mlp.down(), gate.mul(up), observer);
    }
    Tensor inner = activate(config.activation(), linear(mlp.up(), x, observer));
    return linear(mlp.down(), inner, observer);
  }

  private String at(String part) {
    return TensorNames.layer(index, part);
  }
}
