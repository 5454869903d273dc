package dev.nibble.core.transform;

/**
 * Hadamard matrices from quadratic residues (Paley 1933). With {@code Q[i][j] = χ(i - j)} over
 * GF(q):
 *
 * <ul>
 *   <li>I, {@code q ≡ 3 (mod 4)}, order {@code q + 1}: {@code H = I + [[0, 1], [-1, Q]]};
 *   <li>II, {@code q ≡ 1 (mod 4)}, order {@code 2(q + 1)}: {@code H = C ⊗ [[1, 1], [1, -1]] + I ⊗
 *       [[1, -1], [-1, -1]]} with {@code C = [[0, 1], [1, Q]]}.
 * </ul>
 */
final class Paley {
  private Paley() {}

  /** True when one of the two constructions has this order; I is preferred. */
  static boolean exists(int order) {
    return field(order - 1, 3, order) != null || field(order / 2 - 1, 1, order) != null;
  }

  /** Entries ±1, row-major {@code [order, order]}. */
  static byte[] matrix(int order) {
    FiniteField first = field(order - 1, 3, order);
    return first != null ? one(first) : two(field(order / 2 - 1, 1, order));
  }

  private static FiniteField field(int q, int residue, int order) {
    return order % 4 == 0 && q % 4 == residue ? FiniteField.ofSize(q) : null;
  }

  private static byte[] one(FiniteField field) {
    int n = field.size() + 1;
    byte[] h = bordered(field, -1);
    for (int i = 0; i < n; i++) {
      h[i * n + i] = 1;
    }
    return h;
  }

  private static byte[] two(FiniteField field) {
    int half = field.size() + 1;
    byte[] c = bordered(field, 1);
    int n = 2 * half;
    byte[] h = new byte[n * n];
    for (int i = 0; i < half; i++) {
      for (int j = 0; j < half; j++) {
        int entry = c[i * half + j];
        int unit = i == j ? 1 : 0;
        int at = 2 * i * n + 2 * j;
        h[at] = (byte) (entry + unit);
        h[at + 1] = (byte) (entry - unit);
        h[at + n] = (byte) (entry - unit);
        h[at + n + 1] = (byte) (-entry - unit);
      }
    }
    return h;
  }

  /** {@code [[0, 1], [left, Q]]}. */
  private static byte[] bordered(FiniteField field, int left) {
    int q = field.size();
    int n = q + 1;
    byte[] character = field.quadraticCharacter();
    byte[] m = new byte[n * n];
    for (int i = 0; i < q; i++) {
      m[i + 1] = 1;
      m[(i + 1) * n] = (byte) left;
      for (int j = 0; j < q; j++) {
        m[(i + 1) * n + j + 1] = character[field.subtract(i, j)];
      }
    }
    return m;
  }
}
