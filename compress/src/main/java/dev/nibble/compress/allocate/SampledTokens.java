package dev.nibble.compress.allocate;

import dev.nibble.compress.ModelTask;
import dev.nibble.compress.block.Seeds;
import dev.nibble.models.BlockContext;
import dev.nibble.models.ResidentModel;
import dev.nibble.models.Torch;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.bytedeco.pytorch.Tensor;

/**
 * Calibration without data: sequences that the model writes itself, each from a random first token,
 * at temperature 1. The same for a seed on any number of threads.
 */
final class SampledTokens {
  private SampledTokens() {}

  /**
   * Sequences of {@code length} tokens. Every token takes a pass over those before it.
   *
   * @param task whose model writes, and whose seed decides
   */
  static int[][] of(ModelTask task, int count, int length) {
    int[][] out = new int[count][];
    try (ResidentModel model = ResidentModel.load(task.model())) {
      task.workers()
          .forEach(
              count,
              s -> {
                long seed = Seeds.derive(task.seed(), "text", Integer.toString(s));
                out[s] = write(model, length, new SplittableRandom(seed));
              });
    }
    return out;
  }

  private static int[] write(ResidentModel model, int length, SplittableRandom random) {
    int[] tokens = new int[length];
    tokens[0] = random.nextInt(model.config().vocabSize());
    for (int t = 1; t < length; t++) {
      int[] before = Arrays.copyOf(tokens, t);
      double[] next = probabilities(model, before);
      double at = random.nextDouble();
      int token = 0;
      while (token < next.length - 1 && at >= next[token]) {
        at -= next[token++];
      }
      tokens[t] = token;
    }
    return tokens;
  }

  private static double[] probabilities(ResidentModel model, int[] before) {
    return Torch.noGrad(
        () -> {
          Tensor logits = model.forward(Torch.tokens(before), BlockContext.PLAIN);
          float[] last = Torch.toFloats(logits.narrow(1, before.length - 1, 1));
          return softmax(last);
        });
  }

  private static double[] softmax(float[] logits) {
    double top = Double.NEGATIVE_INFINITY;
    for (float v : logits) {
      top = Math.max(top, v);
    }
    double[] out = new double[logits.length];
    double sum = 0;
    for (int i = 0; i < out.length; i++) {
      out[i] = StrictMath.exp(logits[i] - top);
      sum += out[i];
    }
    for (int i = 0; i < out.length; i++) {
      out[i] /= sum;
    }
    return out;
  }
}
