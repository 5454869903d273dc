package dev.nibble.models;

import dev.nibble.core.NibbleException;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.TensorNames;
import java.util.Map;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** Tokens to the residual stream: table, projection, learned positions, norm. */
final class EmbeddingBlock extends LoadedBlock {

  EmbeddingBlock(ModelConfig config, Map<String, Tensor> parameters) {
    super("embedding", config, BlockStructure.embedding(config), parameters);
  }

  private EmbeddingBlock(EmbeddingBlock of, Substitutes substitutes) {
    super(of, substitutes);
  }

  @Override
  public Block view(Substitutes substitutes) {
    return new EmbeddingBlock(this, substitutes);
  }

  @Override
  public Tensor forward(Tensor input, BlockContext context) {
    return Torch.scope(
        () -> {
          Tensor x = torch.embedding(parameter(TensorNames.weight(TensorNames.EMBEDDING)), input);
          if (config.encoder().present()) {
            return encoder(x, context);
          }
          if (config.scalars().embedding() != 1) {
            x = x.mul(new Scalar(config.scalars().embedding()));
          }
          if (config.embeddingSize() != config.hiddenSize()) {
            x = linear(TensorNames.PROJECT_IN, x, context);
          }
          if (config.positions() == ModelConfig.Positions.LEARNED) {
            x = x.add(positions(input.size(1)));
          }
          return config.embeddingNorm() ? norm(TensorNames.EMBEDDING_NORM, x) : x;
        });
  }

  /** Positions and type, norm, then the projection. */
  private Tensor encoder(Tensor tokens, BlockContext context) {
    Tensor type = parameter(TensorNames.weight(TensorNames.TYPES)).narrow(0, 0, 1);
    Tensor sum = tokens.add(positions(tokens.size(1))).add(type);
    Tensor x = norm(TensorNames.EMBEDDING_NORM, sum);
    return config.embeddingSize() == config.hiddenSize()
        ? x
        : linear(TensorNames.PROJECT_IN, x, context);
  }

  private Tensor positions(long length) {
    Tensor table = parameter(TensorNames.weight(TensorNames.POSITIONS));
    if (length > table.size(0) - config.positionOffset()) {
      throw new NibbleException(
          "a sequence of "
              + length
              + " tokens is longer than the model's "
              + config.maxPositions()
              + " learned positions; use shorter sequences");
    }
    return table.narrow(0, config.positionOffset(), length);
  }
}
