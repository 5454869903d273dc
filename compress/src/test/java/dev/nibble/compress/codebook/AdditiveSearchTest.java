package dev.nibble.compress.codebook;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.core.tensor.CodebookLayout;
import dev.nibble.core.work.Workers;
import dev.nibble.models.Torch;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Search and gradients against plain arithmetic. */
class AdditiveSearchTest {

  static float[] gaussian(int n, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] out = new float[n];
    for (int i = 0; i < n; i++) {
      out[i] = (float) random.nextGaussian();
    }
    return out;
  }

  /** {@code XᵀX} of correlated inputs. */
  static double[] hessian(int n, int tokens, long seed) {
    float[] noise = gaussian(tokens * n, seed);
    float[] common = gaussian(tokens, seed + 1);
    double[] h = new double[n * n];
    for (int t = 0; t < tokens; t++) {
      for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
          h[i * n + j] +=
              (noise[t * n + i] + (1 + i % 3) * common[t])
                  * (noise[t * n + j] + (1 + j % 3) * common[t]);
        }
      }
    }
    return h;
  }

  private static float[] floats(double[] values) {
    float[] out = new float[values.length];
    for (int i = 0; i < out.length; i++) {
      out[i] = (float) values[i];
    }
    return out;
  }

  /** {@code tr(D H Dᵀ)} in fp64. */
  private static double direct(float[] w, CodebookMatrix matrix, double[] h) {
    int n = matrix.columns();
    float[] values = matrix.values();
    double sum = 0;
    for (int r = 0; r < matrix.rows(); r++) {
      for (int i = 0; i < n; i++) {
        double product = 0;
        for (int j = 0; j < n; j++) {
          product += h[i * n + j] * ((double) w[r * n + j] - values[r * n + j]);
        }
        sum += product * ((double) w[r * n + i] - values[r * n + i]);
      }
    }
    return sum;
  }

  private static CodebookMatrix random(
      float[] w, int columns, CodebookLayout layout, long seed, Workers workers) {
    CodebookMatrix matrix = AdditiveInit.residual(w, columns, layout, 3, 0, seed, workers);
    SplittableRandom random = new SplittableRandom(seed);
    for (int i = 0; i < matrix.codes().length; i++) {
      matrix.codes()[i] = random.nextInt(layout.codewords());
    }
    return matrix;
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3})
  void noSweepRaisesTheLoss(int beam) {
    try (Workers workers = new Workers(2)) {
      for (long seed = 0; seed < 20; seed++) {
        int columns = 12 + (int) (seed % 9); // mostly no whole groups
        int rows = 140;
        float[] w = gaussian(rows * columns, seed);
        double[] h = hessian(columns, 15 + (int) seed, seed);
        CodebookLayout layout = CodebookLayout.additive(1 + (int) (seed % 3), 4, 4);
        CodebookMatrix matrix = random(w, columns, layout, seed, workers);
        try (Tensor hessian = Torch.fromFloats(floats(h), columns, columns)) {
          QuadraticFit fit = new QuadraticFit(w, hessian, workers);
          double before = direct(w, matrix, h);
          assertThat(fit.loss(matrix)).isCloseTo(before, within(1e-4 * before));
          for (int sweep = 0; sweep < 3; sweep++) {
            CodeSweep.run(fit, matrix, beam, seed + sweep);
            double after = direct(w, matrix, h);
            assertThat(after).isLessThanOrEqualTo(before * (1 + 1e-6));
            before = after;
          }
        }
      }
    }
  }

  /** Every total of a search is what recomputing the loss from nothing gives. */
  @Test
  void lossesOfCandidatesAreThoseOfTheWholeMatrix() {
    CodebookLayout layout = CodebookLayout.additive(2, 3, 4);
    int columns = 12;
    int rows = 8;
    float[] w = gaussian(rows * columns, 5);
    double[] h = hessian(columns, 30, 6);
    try (Workers workers = new Workers(1)) {
      CodebookMatrix matrix = random(w, columns, layout, 7, workers);
      Arrays.fill(matrix.scales(), 1f);
      double now = direct(w, matrix, h);
      int j = 1;
      Torch.run(
          () -> {
            Tensor hessian = Torch.fromFloats(floats(h), columns, columns);
            float[] difference = matrix.values();
            for (int i = 0; i < difference.length; i++) {
              difference[i] = w[i] - difference[i];
            }
            Tensor slopes = Torch.fromFloats(difference, rows, columns).mm(hessian);
            GroupSearch search =
                new GroupSearch(
                    GroupSearch.words(matrix, 0), hessian.narrow(0, 4, 4).narrow(1, 4, 4));
            Tensor[] codes = new Tensor[2];
            for (int m = 0; m < 2; m++) {
              long[] each = new long[rows];
              for (int r = 0; r < rows; r++) {
                each[r] = matrix.codes()[(r * 3 + j) * 2 + m];
              }
              codes[m] = Torch.fromLongs(each, rows);
            }
            GroupSearch.Beams beams =
                search.search(slopes.narrow(1, 4, 4).clone(), codes, new int[] {1, 0}, 64);
            double[] totals = Torch.toDoubles(beams.totals());
            int kept = totals.length / rows;
            assertThat(kept).isEqualTo(64);
            int[][] found = new int[2][totals.length];
            Indices.read(beams.codes()[0].contiguous(), found[0], 0);
            Indices.read(beams.codes()[1].contiguous(), found[1], 0);
            for (int r = 0; r < rows; r++) {
              for (int k = 0; k < kept; k++) {
                CodebookMatrix changed = matrix.copy();
                for (int m = 0; m < 2; m++) {
                  changed.codes()[(r * 3 + j) * 2 + m] = found[m][r * kept + k];
                }
                double expected = direct(w, changed, h) - now;
                assertThat(totals[r * kept + k]).isCloseTo(expected, within(1e-4 * now));
              }
            }
          });
    }
  }

  @Test
  void fewerGroupsThanCodewordsAreMetExactly() {
    float[] words = gaussian(9 * 8, 3);
    int rows = 20;
    float[] w = new float[rows * 16];
    for (int p = 0; p < rows * 2; p++) {
      System.arraycopy(words, p * 5 % 9 * 8, w, p * 8, 8);
    }
    // equal norms, so that dividing by them leaves nine distinct groups
    CodebookLayout layout = new CodebookLayout(1, 4, 8, 1, false, CodebookLayout.Scales.ROW);
    try (Workers workers = new Workers(2)) {
      float[] points = w.clone();
      KMeans.Clusters clusters = KMeans.fit(points, 8, layout.codewords(), 100, 0, 1, workers);
      for (int p = 0; p < rows * 2; p++) {
        int nearest = clusters.nearest()[p];
        assertThat(Arrays.copyOfRange(clusters.centroids(), nearest * 8, nearest * 8 + 8))
            .isEqualTo(Arrays.copyOfRange(w, p * 8, p * 8 + 8));
      }
    }
  }

  /** Sheet 31, acceptance 1; the loss is a polynomial in fp64 of what is perturbed. */
  @Test
  void gradientsAreThoseOfFiniteDifferences() {
    for (CodebookLayout layout :
        new CodebookLayout[] {
          CodebookLayout.additive(2, 3, 4),
          new CodebookLayout(1, 2, 1, 3, true, CodebookLayout.Scales.GROUP)
        }) {
      int rows = 6;
      int columns = 10;
      SplittableRandom random = new SplittableRandom(2);
      int[] codes =
          random.ints((long) rows * layout.codes(columns), 0, layout.codewords()).toArray();
      int[] classes = random.ints(rows, 0, layout.rowGroups()).toArray();
      CodebookMatrix matrix =
          new CodebookMatrix(
              layout,
              rows,
              columns,
              codes,
              gaussian((int) layout.elements(), 1),
              gaussian((int) layout.scaleCount(rows), 2),
              classes);
      float[] slope = gaussian(rows * columns, 3);
      float[] words = new float[matrix.words().length];
      float[] scales = new float[matrix.scales().length];
      matrix.addGradients(0, rows, slope, words, scales);
      requireSlope(matrix, slope, matrix.words(), words);
      requireSlope(matrix, slope, matrix.scales(), scales);
    }
  }

  private static void requireSlope(
      CodebookMatrix matrix, float[] slope, float[] values, float[] gradient) {
    for (int i = 0; i < values.length; i++) {
      float kept = values[i];
      values[i] = kept + 0.5f;
      double up = inner(matrix.values(), slope);
      values[i] = kept - 0.5f;
      double down = inner(matrix.values(), slope);
      values[i] = kept;
      assertThat((double) gradient[i]).isCloseTo(up - down, within(1e-5 * (1 + Math.abs(up))));
    }
  }

  private static double inner(float[] a, float[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += (double) a[i] * b[i];
    }
    return sum;
  }

  @Test
  void nearestCodesAreNearest() {
    CodebookLayout layout = CodebookLayout.additive(2, 3, 4);
    try (Workers workers = new Workers(1)) {
      float[] w = gaussian(6 * 10, 8);
      CodebookMatrix matrix = random(w, 10, layout, 9, workers);
      matrix.scales()[2] = 0;
      int[] groups = {0, 4, 8, 17};
      NearestCodes.Found found = NearestCodes.search(matrix, groups, w, 64);
      for (int i = 0; i < groups.length; i++) {
        int row = groups[i] / 3;
        if (row == 2) {
          assertThat(found.codes()[i]).hasNumberOfRows(1);
          continue;
        }
        double best = Double.MAX_VALUE;
        for (int a = 0; a < 8; a++) {
          for (int b = 0; b < 8; b++) {
            best = Math.min(best, distance(matrix, w, groups[i], a, b));
          }
        }
        int[] first = found.codes()[i][0];
        assertThat(distance(matrix, w, groups[i], first[0], first[1]))
            .isCloseTo(best, within(1e-5));
        assertThat(found.squares()[i][0]).isCloseTo(best, within(1e-4));
        assertThat(found.squares()[i]).isSorted();
      }
    }
  }

  private static double distance(CodebookMatrix matrix, float[] w, int group, int a, int b) {
    int row = group / 3;
    int column = group % 3 * 4;
    double sum = 0;
    for (int i = 0; i < 4; i++) {
      double target = column + i < 10 ? w[row * 10 + column + i] / matrix.scale(row) : 0;
      double d = target - matrix.words()[a * 4 + i] - matrix.words()[32 + b * 4 + i];
      sum += d * d;
    }
    return sum;
  }
}
