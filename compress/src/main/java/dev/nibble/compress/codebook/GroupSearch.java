package dev.nibble.compress.codebook;

import dev.nibble.models.Torch;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.T_TensorTensor_T;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Search for the codes of one group of columns of many rows at once, all else fixed. The loss as a
 * function of the codeword that takes the place of the present one is
 *
 * <pre>
 * ℓ(c) = −2 ⟨(D H)_j, c⟩ + c H_jj cᵀ        D = V − Σ codewords, the present one taken out
 * </pre>
 *
 * for a row that has been divided by its scale (sheet 31a, step 5b: its s and s² in common do not
 * change the order). Codebooks are visited one after the other; the {@code beam} best combinations
 * so far are carried on. With a beam of one this is exact coordinate descent. The present codes are
 * among the candidates, so the loss never rises.
 *
 * <p>Deviation: the paper's beam goes on from group to group; here the best combination of a group
 * is settled before the next group is visited, so that memory does not grow with the beam.
 */
final class GroupSearch {
  private final Tensor[] words;
  private final Tensor[] products;
  private final Tensor[] norms;
  private final int codewords;

  /**
   * @param words codebooks, each {@code [2^B, g]}
   * @param curvature {@code H_jj}, {@code [g, g]}
   */
  GroupSearch(Tensor[] words, Tensor curvature) {
    this.words = words;
    this.codewords = Math.toIntExact(words[0].size(0));
    this.products = new Tensor[words.length];
    this.norms = new Tensor[words.length];
    for (int m = 0; m < words.length; m++) {
      products[m] = words[m].mm(curvature);
      norms[m] = products[m].mul(words[m]).sum(1);
    }
  }

  /**
   * Combinations found, best first.
   *
   * @param codes of each codebook, int64 {@code [rows, K]}
   * @param totals loss relative to the present codes, {@code [rows, K]}
   */
  record Beams(Tensor[] codes, Tensor totals) {}

  /**
   * Exact coordinate descent.
   *
   * @param gradient {@code (D H)_j} with the present codewords in, {@code [rows, g]}; updated
   * @param codes of each codebook, int64 {@code [rows]}; replaced
   * @param order in which codebooks are visited
   */
  void descend(Tensor gradient, Tensor[] codes, int[] order) {
    Scalar one = new Scalar(1.0);
    Scalar minusTwo = new Scalar(-2.0);
    for (int m : order) {
      gradient.add_(products[m].index_select(0, codes[m]));
      Tensor scores = torch.addmm(norms[m], gradient, words[m].t(), one, minusTwo);
      codes[m] = scores.argmin(new LongOptional(1), false);
      gradient.sub_(products[m].index_select(0, codes[m]));
    }
  }

  /**
   * Beam search.
   *
   * @param gradient as {@link #descend}, not modified
   * @param codes present codes, not modified
   */
  Beams search(Tensor gradient, Tensor[] codes, int[] order, int beam) {
    long rows = gradient.size(0);
    long size = gradient.size(1);
    long kept = 1;
    Tensor slopes = gradient;
    Tensor totals = torch.zeros(rows).reshape(rows, 1);
    Tensor[] found = new Tensor[codes.length];
    for (int m = 0; m < codes.length; m++) {
      found[m] = codes[m].reshape(rows, 1);
    }
    Tensor firstRows = torch.arange(new Scalar((double) rows)).toType(torch.ScalarType.Long);
    for (int m : order) {
      Tensor old = found[m].reshape(-1);
      Tensor present = words[m].index_select(0, old);
      Tensor removed = slopes.mul(present).sum(1).mul(new Scalar(2.0));
      Tensor without =
          totals.reshape(-1).add(removed).add(norms[m].index_select(0, old)).reshape(-1, 1);
      slopes = slopes.add(products[m].index_select(0, old));
      Tensor scores = slopes.mm(words[m].t()).mul(new Scalar(-2.0)).add(norms[m]).add(without);
      long next = Math.min(beam, kept * codewords);
      T_TensorTensor_T best = scores.reshape(rows, kept * codewords).topk(next, 1, false, true);
      totals = best.get0();
      Tensor parent =
          best.get1()
              .floor_divide(new Scalar((long) codewords))
              .add(firstRows.mul(new Scalar(kept)).reshape(rows, 1))
              .reshape(-1);
      Tensor code = best.get1().remainder(new Scalar((long) codewords)).reshape(-1);
      for (int k = 0; k < found.length; k++) {
        found[k] = found[k].reshape(-1).index_select(0, parent).reshape(rows, next);
      }
      found[m] = code.reshape(rows, next);
      slopes =
          slopes.index_select(0, parent).sub(products[m].index_select(0, code)).reshape(-1, size);
      kept = next;
    }
    return new Beams(found, totals);
  }

  /** Sum of the codewords, {@code [rows, g]}. */
  Tensor sum(Tensor[] codes) {
    Tensor sum = words[0].index_select(0, codes[0]);
    for (int m = 1; m < codes.length; m++) {
      sum = sum.add(words[m].index_select(0, codes[m]));
    }
    return sum;
  }

  /** Codebooks of one set as tensors. */
  static Tensor[] words(CodebookMatrix matrix, int set) {
    int m = matrix.layout().codebooks();
    int count = matrix.layout().codewords();
    int g = matrix.layout().groupSize();
    Tensor all = Torch.fromFloats(matrix.words(), matrix.layout().sets() * (long) m, count, g);
    Tensor[] out = new Tensor[m];
    for (int k = 0; k < m; k++) {
      out[k] = all.select(0, (long) set * m + k);
    }
    return out;
  }
}
