package dev.nibble.models;

import dev.nibble.core.NibbleException;
import dev.nibble.core.model.LanguageModel;
import org.bytedeco.pytorch.Tensor;

/** A resident model as tokens to logits: the fp32 reference of evaluation. */
public final class TorchLanguageModel implements LanguageModel {
  /** Positions whose logits are in memory at once. */
  private static final int CHUNK = 256;

  private final ResidentModel model;

  /** Takes ownership of the model. */
  public TorchLanguageModel(ResidentModel model) {
    this.model = model;
  }

  @Override
  public int vocabSize() {
    return model.config().vocabSize();
  }

  @Override
  public int contextLength() {
    return model.config().maxPositions();
  }

  @Override
  public void logits(int[] tokens, int from, LogitsSink sink) {
    for (int token : tokens) {
      if (token < 0 || token >= vocabSize()) {
        throw new NibbleException(
            "token id " + token + " is outside the model's vocabulary of " + vocabSize());
      }
    }
    Block head = model.blocks().getLast();
    Torch.noGrad(
        () -> {
          Tensor hidden = model.hidden(Torch.tokens(tokens), BlockContext.PLAIN);
          float[] rows = new float[Math.min(CHUNK, tokens.length - from) * vocabSize()];
          for (int start = from; start < tokens.length; start += CHUNK) {
            int count = Math.min(CHUNK, tokens.length - start);
            int first = start;
            Torch.run(
                () -> {
                  Tensor part = hidden.narrow(1, first, count);
                  Tensor logits = head.forward(part, BlockContext.PLAIN);
                  Torch.readRows(logits.reshape(count, vocabSize()), 0, count, rows, 0);
                });
            for (int i = 0; i < count; i++) {
              sink.accept(start + i, rows, i * vocabSize());
            }
          }
          return null;
        });
  }

  @Override
  public void close() {
    model.close();
  }
}
