package dev.nibble.compress.codebook;

import dev.nibble.models.Torch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** Codes whose sums of codewords are nearest to given values, found from the present codes on. */
public final class NearestCodes {
  private static final int CHUNK = 4096;

  private NearestCodes() {}

  /**
   * Candidates of each group, nearest first.
   *
   * @param codes {@code [groups][candidates][M]}
   * @param squares squared distances before scaling, {@code [groups][candidates]}
   */
  public record Found(int[][][] codes, double[][] squares) {}

  /**
   * Searches some groups of a matrix. A row whose scale is zero keeps its codes.
   *
   * @param groups numbers of groups, {@code row · groups of a row + group of the row}
   * @param target values aimed at, {@code [rows, columns]}
   * @param beam candidates carried from codebook to codebook
   */
  public static Found search(CodebookMatrix matrix, int[] groups, float[] target, int beam) {
    int[][][] codes = new int[groups.length][][];
    double[][] squares = new double[groups.length][];
    int perRow = matrix.layout().groups(matrix.columns());
    List<List<Integer>> bySet = new ArrayList<>();
    for (int set = 0; set < matrix.layout().sets(); set++) {
      bySet.add(new ArrayList<>());
    }
    for (int i = 0; i < groups.length; i++) {
      int row = groups[i] / perRow;
      if (matrix.scale(row) == 0) {
        codes[i] = new int[][] {present(matrix, groups[i])};
        squares[i] = new double[1];
      } else {
        bySet.get(matrix.layout().multi() ? matrix.rowClass(row) : 0).add(i);
      }
    }
    for (int set = 0; set < bySet.size(); set++) {
      int[] chosen = bySet.get(set).stream().mapToInt(i -> i).toArray();
      for (int from = 0; from < chosen.length; from += CHUNK) {
        int[] part = Arrays.copyOfRange(chosen, from, Math.min(chosen.length, from + CHUNK));
        chunk(matrix, set, part, groups, target, beam, codes, squares);
      }
    }
    return new Found(codes, squares);
  }

  private static int[] present(CodebookMatrix matrix, int group) {
    int m = matrix.layout().codebooks();
    return Arrays.copyOfRange(matrix.codes(), group * m, (group + 1) * m);
  }

  private static void chunk(
      CodebookMatrix matrix,
      int set,
      int[] part,
      int[] groups,
      float[] target,
      int beam,
      int[][][] codes,
      double[][] squares) {
    int m = matrix.layout().codebooks();
    int g = matrix.layout().groupSize();
    Torch.noGrad(
        () -> {
          GroupSearch search = new GroupSearch(GroupSearch.words(matrix, set), torch.eye(g));
          Tensor[] now = new Tensor[m];
          for (int k = 0; k < m; k++) {
            long[] each = new long[part.length];
            for (int i = 0; i < part.length; i++) {
              each[i] = matrix.codes()[groups[part[i]] * m + k];
            }
            now[k] = Torch.fromLongs(each, each.length);
          }
          Tensor aim = Torch.fromFloats(aims(matrix, part, groups, target), part.length, g);
          Tensor difference = aim.sub(search.sum(now));
          int[] order = new int[m];
          Arrays.setAll(order, k -> k);
          GroupSearch.Beams beams = search.search(difference, now, order, beam);
          double[] totals =
              Torch.toDoubles(beams.totals().add(difference.square().sum(1).reshape(-1, 1)));
          int kept = totals.length / part.length;
          int[][] found = new int[m][part.length * kept];
          for (int k = 0; k < m; k++) {
            Indices.read(beams.codes()[k].contiguous(), found[k], 0);
          }
          for (int i = 0; i < part.length; i++) {
            codes[part[i]] = new int[kept][m];
            squares[part[i]] = new double[kept];
            for (int b = 0; b < kept; b++) {
              squares[part[i]][b] = Math.max(0, totals[i * kept + b]);
              for (int k = 0; k < m; k++) {
                codes[part[i]][b][k] = found[k][i * kept + b];
              }
            }
          }
          return null;
        });
  }

  /** Targets over scales, {@code [part, g]}; where a group is cut, zeros stand for the rest. */
  private static float[] aims(CodebookMatrix matrix, int[] part, int[] groups, float[] target) {
    int g = matrix.layout().groupSize();
    int perRow = matrix.layout().groups(matrix.columns());
    float[] out = new float[part.length * g];
    for (int i = 0; i < part.length; i++) {
      int row = groups[part[i]] / perRow;
      int column = groups[part[i]] % perRow * g;
      for (int c = 0; c < Math.min(g, matrix.columns() - column); c++) {
        out[i * g + c] = target[row * matrix.columns() + column + c] / matrix.scale(row);
      }
    }
    return out;
  }
}
