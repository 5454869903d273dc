package dev.nibble.compress.train;

import dev.nibble.core.work.Workers;
import dev.nibble.models.BlockContext;
import dev.nibble.models.ResidentModel;
import dev.nibble.models.Torch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/**
 * How well a model predicts held-out documents. A document begins after the document token and is
 * cut into windows of the model's context; every token of its text is scored once, the first of a
 * later window with only the token before it as context.
 */
final class HeldOut {
  private HeldOut() {}

  /**
   * Score of some documents.
   *
   * @param nats summed over all tokens of the text
   * @param tokens scored
   * @param characters of the text
   */
  record Score(double nats, long tokens, long characters) {
    double bitsPerCharacter() {
      return nats / Math.log(2) / characters;
    }

    double lossPerToken() {
      return nats / tokens;
    }
  }

  /** Scores documents in parallel until {@code tokenLimit} tokens are reached. */
  static Score measure(
      ResidentModel model, List<TokenCorpus.Document> documents, long tokenLimit, Workers workers) {
    List<TokenCorpus.Document> chosen = new ArrayList<>();
    long tokens = 0;
    long characters = 0;
    for (TokenCorpus.Document document : documents) {
      if (tokens >= tokenLimit) {
        break;
      }
      chosen.add(document);
      tokens += document.tokens().length - 1;
      characters += document.characters();
    }
    double[] nats = new double[chosen.size()];
    workers.forEach(nats.length, i -> nats[i] = nats(model, chosen.get(i).tokens()));
    double sum = 0;
    for (double n : nats) {
      sum += n;
    }
    return new Score(sum, tokens, characters);
  }

  private static double nats(ResidentModel model, int[] tokens) {
    int length = model.config().maxPositions();
    double sum = 0;
    for (int from = 0; from + 1 < tokens.length; from += length) {
      int to = Math.min(from + length, tokens.length - 1);
      sum += window(model, Arrays.copyOfRange(tokens, from, to + 1));
    }
    return sum;
  }

  private static double window(ResidentModel model, int[] tokens) {
    int length = tokens.length - 1;
    long[] targets = new long[length];
    for (int i = 0; i < length; i++) {
      targets[i] = tokens[i + 1];
    }
    double[] out = new double[1];
    Torch.noGrad(
        () -> {
          Tensor input = Torch.tokens(Arrays.copyOf(tokens, length));
          Tensor logits = model.forward(input, BlockContext.PLAIN).reshape(length, -1);
          Tensor labels = Torch.fromLongs(targets, length);
          long sum = torch.Reduction.Sum.value;
          out[0] =
              torch
                  .cross_entropy_loss(logits, labels, new TensorOptional(), sum, -100, 0.0)
                  .item_double();
          return null;
        });
    return out[0];
  }
}
