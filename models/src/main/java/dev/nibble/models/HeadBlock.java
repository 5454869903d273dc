package dev.nibble.models;

import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.TensorNames;
import java.util.Map;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;

/**
 * The residual stream to logits: final norm, projection, vocabulary; or the head of an encoder,
 * which hands the stream on where there is none.
 */
final class HeadBlock extends LoadedBlock {

  HeadBlock(ModelConfig config, Map<String, Tensor> parameters) {
    super("head", config, BlockStructure.head(config), parameters);
  }

  private HeadBlock(HeadBlock of, Substitutes substitutes) {
    super(of, substitutes);
  }

  @Override
  public Block view(Substitutes substitutes) {
    return new HeadBlock(this, substitutes);
  }

  @Override
  public Tensor forward(Tensor input, BlockContext context) {
    return Torch.scope(
        () -> {
          if (config.encoder().present()) {
            return encoder(input, context);
          }
          Tensor x = config.finalNorm() ? norm(TensorNames.FINAL_NORM, input) : input;
          if (config.embeddingSize() != config.hiddenSize()) {
            x = linear(TensorNames.PROJECT_OUT, x, context);
          }
          Tensor logits = linear(TensorNames.HEAD, x, context);
          if (config.scalars().logitCap() == 0) {
            return logits;
          }
          Scalar cap = new Scalar(config.scalars().logitCap());
          return logits.div(cap).tanh().mul(cap);
        });
  }

  private Tensor encoder(Tensor x, BlockContext context) {
    ModelConfig.Activation activation = config.encoder().headActivation();
    return switch (config.encoder().head()) {
      case NONE -> x.alias();
      case MASKED_LM -> {
        Tensor inner = activate(activation, linear(TensorNames.HEAD_DENSE, x, context));
        yield linear(TensorNames.HEAD, norm(TensorNames.HEAD_NORM, inner), context);
      }
      case CLASSIFIER -> {
        Tensor first = x.narrow(1, 0, 1);
        Tensor inner = activate(activation, linear(TensorNames.HEAD_DENSE, first, context));
        yield linear(TensorNames.CLASSIFIER, inner, context);
      }
    };
  }
}
