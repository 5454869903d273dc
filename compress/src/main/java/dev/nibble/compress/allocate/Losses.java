package dev.nibble.compress.allocate;

import dev.nibble.compress.block.Seeds;
import dev.nibble.models.Torch;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** What a {@link GradientPass} may differentiate. */
final class Losses {
  private Losses() {}

  /** Mean cross-entropy of the next token, nats. */
  static Tensor nextToken(int sequence, int[] tokens, Tensor logits) {
    int count = tokens.length - 1;
    Tensor flat = logits.narrow(1, 0, count).reshape(count, -1);
    long[] labels = new long[count];
    for (int i = 0; i < count; i++) {
      labels[i] = tokens[i + 1];
    }
    return torch.cross_entropy_loss(flat, Torch.fromLongs(labels, count));
  }

  /**
   * Sum of the cross-entropies of tokens that the model itself draws, one at each position. The
   * expected square of its derivative along a change of the weights is twice the divergence that
   * the change causes, to second order: the Fisher information of the model.
   *
   * @param seed each sequence draws from its own stream
   */
  static GradientPass.Loss drawn(long seed) {
    return (sequence, tokens, logits) -> {
      Tensor flat = logits.reshape(tokens.length, -1);
      long[] labels = draw(flat, Seeds.derive(seed, "labels", Integer.toString(sequence)));
      Tensor mean = torch.cross_entropy_loss(flat, Torch.fromLongs(labels, labels.length));
      return mean.mul(new Scalar((double) labels.length));
    };
  }

  private static long[] draw(Tensor logits, long seed) {
    int rows = Math.toIntExact(logits.size(0));
    long last = logits.size(1) - 1;
    SplittableRandom random = new SplittableRandom(seed);
    float[] at = new float[rows];
    for (int i = 0; i < rows; i++) {
      at[i] = (float) random.nextDouble();
    }
    double[] below =
        Torch.noGrad(
            () -> {
              Tensor cumulated = logits.detach().softmax(-1).cumsum(-1);
              Tensor points = Torch.fromFloats(at, rows, 1);
              return Torch.toDoubles(cumulated.lt(points).to(ScalarType.Double).sum(-1));
            });
    return Arrays.stream(below).mapToLong(b -> Math.min(last, Math.round(b))).toArray();
  }
}
