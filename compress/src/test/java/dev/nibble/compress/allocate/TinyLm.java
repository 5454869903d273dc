package dev.nibble.compress.allocate;

import dev.nibble.core.model.ModelWeights;
import dev.nibble.core.testing.SharedData;
import dev.nibble.io.model.OpenedModel;
import dev.nibble.io.token.Tokenizer;
import dev.nibble.models.BlockContext;
import dev.nibble.models.ResidentModel;
import dev.nibble.models.Torch;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** The bundled model, and what a change does to its predictions. */
final class TinyLm implements AutoCloseable {
  static final Path HOME = SharedData.repositoryRoot().resolve("models/tiny-lm");

  private final OpenedModel model = OpenedModel.open(HOME);

  ModelWeights weights() {
    return model.weights();
  }

  /** Consecutive sequences of a bundled text. */
  static int[][] tokens(String sample, int count, int length) {
    try {
      Tokenizer tokenizer = Tokenizer.fromDirectory(HOME);
      int[] ids =
          tokenizer.encode(Files.readString(HOME.resolve("samples").resolve(sample)), false);
      int[][] out = new int[count][];
      for (int i = 0; i < count; i++) {
        out[i] = Arrays.copyOfRange(ids, i * length, (i + 1) * length);
      }
      return out;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Log-probabilities of a sequence, fp64 {@code [seq, vocab]}; the caller closes it. */
  static Tensor logProbabilities(ResidentModel model, int[] sequence) {
    return Torch.owned(
        () ->
            model
                .forward(Torch.tokens(sequence), BlockContext.PLAIN)
                .to(ScalarType.Double)
                .log_softmax(-1)
                .squeeze(0));
  }

  /** Mean divergence over all positions, nats. */
  static double divergence(ResidentModel from, ResidentModel to, int[][] sequences) {
    double sum = 0;
    for (int[] sequence : sequences) {
      sum +=
          Torch.noGrad(
              () -> {
                Tensor p = logProbabilities(from, sequence);
                Tensor q = logProbabilities(to, sequence);
                double kl = p.exp().mul(p.sub(q)).sum().item_double();
                p.close();
                q.close();
                return kl;
              });
    }
    return sum / ((double) sequences.length * sequences[0].length);
  }

  @Override
  public void close() {
    model.close();
  }
}
