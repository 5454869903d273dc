package dev.nibble.models;

import dev.nibble.core.NibbleException;
import dev.nibble.core.model.Encoder;
import dev.nibble.core.model.EncoderConfig;
import dev.nibble.core.model.ModelConfig;
import org.bytedeco.pytorch.Tensor;

/** A resident encoder: the fp32 reference of evaluation. */
public final class TorchEncoder implements Encoder {
  private final ResidentModel model;

  /** Takes ownership of the model. */
  public TorchEncoder(ResidentModel model) {
    this.model = model;
  }

  @Override
  public ModelConfig config() {
    return model.config();
  }

  @Override
  public float[] hidden(int[] tokens) {
    return read(model.hidden(Torch.tokens(tokens), BlockContext.PLAIN));
  }

  @Override
  public float[] head(int[] tokens) {
    if (config().encoder().head() == EncoderConfig.Head.NONE) {
      throw new NibbleException("the encoder has no head; use its vectors");
    }
    return read(model.forward(Torch.tokens(tokens), BlockContext.PLAIN));
  }

  private static float[] read(Tensor result) {
    try {
      return Torch.toFloats(result);
    } finally {
      result.close();
    }
  }

  @Override
  public void close() {
    model.close();
  }
}
