package dev.nibble.models;

import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.TensorNames;
import java.util.Map;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;

/** The residual stream to logits: final norm, projection, vocabulary. */
final class HeadBlock extends LoadedBlock {

  HeadBlock(ModelConfig config, Map<String, Tensor> parameters) {
    super("head", config, BlockStructure.head(config), parameters);
  }

  @Override
  public Tensor forward(Tensor input, BlockContext context) {
    return Torch.scope(
        () -> {
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
}
