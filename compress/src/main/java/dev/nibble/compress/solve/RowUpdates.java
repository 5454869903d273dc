package dev.nibble.compress.solve;

import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@code row -= error * u} on the Vector API: arrays read at different offsets are not vectorized
 * by the compiler itself. Product and difference are rounded separately, in lanes as in the scalar
 * tail, so the bits do not depend on the vector width.
 */
final class RowUpdates {
  private static final VectorSpecies<Double> SPECIES = DoubleVector.SPECIES_PREFERRED;

  private RowUpdates() {}

  /** {@code row[j] -= error * u[j - shift]} for j in {@code [from, to)}. */
  static void subtract(double[] row, int from, int to, double error, double[] u, int shift) {
    int lanes = SPECIES.length();
    int j = from;
    for (; j + lanes <= to; j += lanes) {
      DoubleVector.fromArray(SPECIES, row, j)
          .sub(DoubleVector.fromArray(SPECIES, u, j - shift).mul(error))
          .intoArray(row, j);
    }
    for (; j < to; j++) {
      row[j] -= error * u[j - shift];
    }
  }

  /**
   * Four of them in order, {@code row[j] -= errors[at + k] * u_k[j - shift - k]} for k = 0 to 3,
   * with one pass over the row.
   */
  static void subtractFour(
      double[] row,
      int from,
      int to,
      double[] errors,
      int at,
      double[] u0,
      double[] u1,
      double[] u2,
      double[] u3,
      int shift) {
    double e0 = errors[at];
    double e1 = errors[at + 1];
    double e2 = errors[at + 2];
    double e3 = errors[at + 3];
    int lanes = SPECIES.length();
    int j = from;
    for (; j + lanes <= to; j += lanes) {
      int i = j - shift;
      DoubleVector.fromArray(SPECIES, row, j)
          .sub(DoubleVector.fromArray(SPECIES, u0, i).mul(e0))
          .sub(DoubleVector.fromArray(SPECIES, u1, i - 1).mul(e1))
          .sub(DoubleVector.fromArray(SPECIES, u2, i - 2).mul(e2))
          .sub(DoubleVector.fromArray(SPECIES, u3, i - 3).mul(e3))
          .intoArray(row, j);
    }
    for (; j < to; j++) {
      int i = j - shift;
      row[j] = (((row[j] - e0 * u0[i]) - e1 * u1[i - 1]) - e2 * u2[i - 2]) - e3 * u3[i - 3];
    }
  }

  /**
   * {@code row[j] -= Σ errors[p - from] · U[p, j]} over the positions {@code [from, to)}, for j in
   * {@code [tile, end)}, four positions at a time.
   *
   * @param tile at least {@code to}
   */
  static void subtractBlock(
      double[] row, double[] errors, InverseFactor factor, int from, int to, int tile, int end) {
    int p = from;
    for (; p + 4 <= to; p += 4) {
      subtractFour(
          row,
          tile,
          end,
          errors,
          p - from,
          factor.row(p),
          factor.row(p + 1),
          factor.row(p + 2),
          factor.row(p + 3),
          p);
    }
    for (; p < to; p++) {
      subtract(row, tile, end, errors[p - from], factor.row(p), p);
    }
  }
}
