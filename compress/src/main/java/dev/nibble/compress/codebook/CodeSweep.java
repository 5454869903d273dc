package dev.nibble.compress.codebook;

import dev.nibble.models.Torch;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * One pass over all codes of a matrix with one set of codebooks (sheet 31a, step 5b): groups of
 * columns in random order, in each a {@link GroupSearch}; {@code D H} is kept up to date after each
 * group. Bands of rows are independent tasks.
 */
public final class CodeSweep {
  /** Share of the mean diagonal that is added, so that dead inputs follow the weight itself. */
  private static final double RIDGE = 1e-6;

  private final QuadraticFit fit;
  private final CodebookMatrix matrix;
  private final int beam;

  private CodeSweep(QuadraticFit fit, CodebookMatrix matrix, int beam) {
    this.fit = fit;
    this.matrix = matrix;
    this.beam = beam;
  }

  /**
   * Replaces codes by better ones; {@link QuadraticFit#loss} does not rise.
   *
   * @param beam combinations of a group that are carried from codebook to codebook
   * @param seed of the order of groups and codebooks
   */
  public static void run(QuadraticFit fit, CodebookMatrix matrix, int beam, long seed) {
    if (matrix.layout().multi()) {
      throw new IllegalArgumentException("rows of several classes have no codebooks in common");
    }
    int groups = matrix.layout().groups(matrix.columns());
    SplittableRandom random = new SplittableRandom(seed);
    int[] order = KMeans.shuffled(groups, random);
    int[][] books = new int[groups][];
    for (int j = 0; j < groups; j++) {
      books[j] = KMeans.shuffled(matrix.layout().codebooks(), random);
    }
    CodeSweep sweep = new CodeSweep(fit, matrix, beam);
    try (Tensor hessian = Torch.owned(sweep::padded)) {
      int bands = Math.ceilDiv(matrix.rows(), QuadraticFit.BAND);
      fit.workers().forEach(bands, band -> sweep.band(band, hessian, order, books));
    }
  }

  /** The Hessian with a ridge, and zeros where the last group of columns is filled up. */
  private Tensor padded() {
    Tensor h = fit.hessian();
    double mean = h.diagonal().mean().item_double();
    long width = (long) groups() * matrix.layout().groupSize();
    Tensor out = torch.zeros(width, width);
    out.narrow(0, 0, h.size(0)).narrow(1, 0, h.size(1)).copy_(h);
    // all inputs dead: nearest codewords
    out.diagonal().add_(new Scalar(mean > 0 ? RIDGE * mean : 1.0));
    return out;
  }

  private int groups() {
    return matrix.layout().groups(matrix.columns());
  }

  private void band(int band, Tensor hessian, int[] order, int[][] books) {
    int from = band * QuadraticFit.BAND;
    int to = Math.min(matrix.rows(), from + QuadraticFit.BAND);
    Torch.noGrad(
        () -> {
          Tensor[][] codes = present(from, to);
          Tensor[] words = GroupSearch.words(matrix, 0);
          Tensor slopes = difference(from, to).mm(hessian);
          for (int j : order) {
            Torch.run(() -> group(j, words, hessian, slopes, codes[j], books[j]));
          }
          store(from, codes);
          return null;
        });
  }

  private void group(
      int j, Tensor[] words, Tensor hessian, Tensor slopes, Tensor[] codes, int[] order) {
    long g = matrix.layout().groupSize();
    Tensor rows = hessian.narrow(0, j * g, g);
    GroupSearch search = new GroupSearch(words, rows.narrow(1, j * g, g));
    Tensor before = search.sum(codes);
    Tensor slope = slopes.narrow(1, j * g, g).clone();
    Tensor[] found = codes.clone();
    if (beam == 1) {
      search.descend(slope, found, order);
    } else {
      GroupSearch.Beams beams = search.search(slope, codes, order, beam);
      for (int m = 0; m < found.length; m++) {
        found[m] = beams.codes()[m].select(1, 0).contiguous();
      }
    }
    Tensor change = search.sum(found).sub(before);
    slopes.addmm_(change, rows, new Scalar(1.0), new Scalar(-1.0));
    for (int m = 0; m < found.length; m++) {
      codes[m].copy_(found[m]);
    }
  }

  /** {@code W / s − Σ codewords}, filled up with zeros. */
  private Tensor difference(int from, int to) {
    int columns = matrix.columns();
    int width = groups() * matrix.layout().groupSize();
    float[] out = new float[(to - from) * width];
    matrix.sums(from, to, out, width);
    for (int r = from; r < to; r++) {
      float scale = matrix.scale(r);
      int at = (r - from) * width;
      for (int c = 0; c < columns; c++) {
        float v = scale == 0 ? 0 : fit.weight()[r * columns + c] / scale;
        out[at + c] = v - out[at + c];
      }
      Arrays.fill(out, at + columns, at + width, 0f);
    }
    return Torch.fromFloats(out, to - from, width);
  }

  /** Codes by group and codebook, int64 {@code [rows]} each. */
  private Tensor[][] present(int from, int to) {
    int m = matrix.layout().codebooks();
    int perRow = groups() * m;
    Tensor[][] out = new Tensor[groups()][m];
    for (int j = 0; j < out.length; j++) {
      for (int k = 0; k < m; k++) {
        long[] each = new long[to - from];
        for (int r = from; r < to; r++) {
          each[r - from] = matrix.codes()[r * perRow + j * m + k];
        }
        out[j][k] = Torch.fromLongs(each, each.length);
      }
    }
    return out;
  }

  private void store(int from, Tensor[][] codes) {
    int m = matrix.layout().codebooks();
    int perRow = groups() * m;
    TensorVector all = new TensorVector();
    for (Tensor[] group : codes) {
      all.push_back(torch.stack(new TensorVector(group), 1));
    }
    // [rows, groups, M]
    Indices.read(torch.stack(all, 1).contiguous(), matrix.codes(), from * perRow);
  }
}
