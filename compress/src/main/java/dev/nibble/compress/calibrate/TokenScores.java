package dev.nibble.compress.calibrate;

import dev.nibble.compress.block.Batches;
import dev.nibble.models.Block;
import dev.nibble.models.BlockContext;
import dev.nibble.models.Torch;
import java.util.HashMap;
import java.util.Map;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Raw importance scores of the tokens of a batch; see {@link ImportanceOptions.Strategy}. */
final class TokenScores {
  private final ImportanceOptions options;
  private final Batches tokens;
  private final Map<Integer, Integer> counts = new HashMap<>();

  /**
   * @param tokens the calibration text; looked at by {@code tokenfreq} alone
   */
  TokenScores(ImportanceOptions options, Batches tokens) {
    this.options = options;
    this.tokens = tokens;
    if (options.strategy() == ImportanceOptions.Strategy.TOKENFREQ) {
      for (int[] sequence : tokens.sequences()) {
        for (int id : sequence) {
          counts.merge(id, 1, Integer::sum);
        }
      }
    }
  }

  /**
   * Scores of a batch.
   *
   * @param input of the block, {@code [batch, seq, hidden]}
   * @return {@code [batch, seq]}
   */
  double[][] of(Block block, int batch, Tensor input) {
    int sequences = (int) input.size(0);
    int length = (int) input.size(1);
    return switch (options.strategy()) {
      case ATTNCON -> received(block, input, sequences, length);
      case ACTNORM -> rows(Torch.noGrad(() -> norm(input)), sequences, length);
      case ACTDIFF ->
          rows(
              Torch.noGrad(
                  () -> {
                    Tensor added = block.forward(input, BlockContext.PLAIN).sub(input);
                    return norm(added).neg();
                  }),
              sequences,
              length);
      case TOKENSIM -> rows(Torch.noGrad(() -> distances(input)), sequences, length);
      case TOKENFREQ -> frequencies(batch, sequences, length);
      case FIRSTN -> masked(sequences, length, false);
      case FIRSTLASTN -> masked(sequences, length, true);
      case NONE -> new double[sequences][length];
    };
  }

  private double[][] received(Block block, Tensor input, int sequences, int length) {
    double[][] out = rows(block.attentionReceived(input), sequences, length);
    for (double[] sequence : out) {
      for (int j = 0; j < length; j++) {
        sequence[j] /=
            switch (options.normalize()) {
              case NONE -> 1;
              case LINEAR -> length - j;
              case SQRT -> Math.sqrt(length - j);
            };
      }
    }
    return out;
  }

  /** Frees the tensor. */
  private static double[][] rows(Tensor scores, int sequences, int length) {
    double[] flat;
    try (scores) {
      flat = Torch.toDoubles(scores);
    }
    double[][] out = new double[sequences][length];
    for (int i = 0; i < sequences; i++) {
      System.arraycopy(flat, i * length, out[i], 0, length);
    }
    return out;
  }

  private static Tensor norm(Tensor x) {
    return x.square().sum(new long[] {-1}, false, new ScalarTypeOptional(ScalarType.Double)).sqrt();
  }

  /** {@code mean_j ‖z_t - z_j‖² = ‖z_t‖² + mean ‖z‖² - 2 z_t · mean z}. */
  private static Tensor distances(Tensor input) {
    Tensor x = input.to(ScalarType.Double);
    Tensor squares = x.square().sum(new long[] {-1}, false, new ScalarTypeOptional());
    Tensor mean = x.mean(new long[] {1}, true, new ScalarTypeOptional());
    Tensor products = x.mul(mean).sum(new long[] {-1}, false, new ScalarTypeOptional());
    return squares
        .add(squares.mean(new long[] {1}, true, new ScalarTypeOptional()))
        .sub(products.mul(new Scalar(2.0)));
  }

  private double[][] frequencies(int batch, int sequences, int length) {
    double[][] out = new double[sequences][length];
    for (int i = 0; i < sequences; i++) {
      int[] ids = tokens.sequences()[batch * tokens.perBatch() + i];
      for (int t = 0; t < length; t++) {
        out[i][t] = -counts.get(ids[t]);
      }
    }
    return out;
  }

  private double[][] masked(int sequences, int length, boolean last) {
    int kept = Math.max(1, (int) (options.part() * length));
    double[][] out = new double[sequences][length];
    for (double[] sequence : out) {
      for (int t = 0; t < length; t++) {
        sequence[t] = t < kept || (last && t >= length - kept) ? 1 : 0;
      }
    }
    return out;
  }
}
