package dev.nibble.compress.allocate;

import dev.nibble.models.Torch;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * LIM (Dumitru et al. 2024, eq. 1; sheet 22, step 1): minus the mean over tokens of the cosine
 * between what enters a layer and what leaves it, −1 for a layer that changes nothing, 1 for one
 * that turns its input around.
 */
final class LayerInputModification {
  private LayerInputModification() {}

  /**
   * Cosines added up.
   *
   * @param sum over the tokens counted
   * @param count tokens whose vectors are both not zero
   * @param firstSum the same over first tokens of sequences, which are part of {@code sum}, too
   * @param firstCount tokens in {@code firstSum}
   */
  record Cosines(double sum, long count, double firstSum, long firstCount) {
    static final Cosines NONE = new Cosines(0, 0, 0, 0);

    Cosines plus(Cosines other) {
      return new Cosines(
          sum + other.sum,
          count + other.count,
          firstSum + other.firstSum,
          firstCount + other.firstCount);
    }

    /** LIM; NaN when no token was counted or a hidden state was not finite. */
    double score() {
      return count == 0 ? Double.NaN : -sum / count;
    }

    /** LIM of first tokens alone. */
    double firstScore() {
      return firstCount == 0 ? Double.NaN : -firstSum / firstCount;
    }
  }

  /**
   * Cosines of a batch; products in fp64. A zero vector has no direction and is left out; a value
   * that is not finite makes the sum NaN.
   *
   * @param input {@code [batch, seq, hidden]}
   * @param output likewise
   */
  static Cosines of(Tensor input, Tensor output) {
    double[][] products = new double[3][];
    Torch.run(
        () -> {
          Tensor x = input.to(ScalarType.Double);
          Tensor y = output.to(ScalarType.Double);
          products[0] = Torch.toDoubles(x.mul(y).sum(-1));
          products[1] = Torch.toDoubles(x.mul(x).sum(-1));
          products[2] = Torch.toDoubles(y.mul(y).sum(-1));
        });
    long length = input.size(1);
    double sum = 0;
    double firstSum = 0;
    long count = 0;
    long firstCount = 0;
    for (int t = 0; t < products[0].length; t++) {
      double norms = Math.sqrt(products[1][t]) * Math.sqrt(products[2][t]);
      if (norms == 0) {
        continue;
      }
      double cosine = products[0][t] / norms;
      sum += cosine;
      count++;
      if (t % length == 0) {
        firstSum += cosine;
        firstCount++;
      }
    }
    return new Cosines(sum, count, firstSum, firstCount);
  }
}
