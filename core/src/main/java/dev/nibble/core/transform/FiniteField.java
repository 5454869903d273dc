package dev.nibble.core.transform;

/**
 * Arithmetic of GF(p^k) for odd p, as far as quadratic residues need it. The element with
 * coefficients {@code a_0 + a_1 x + …} is the number {@code a_0 + a_1 p + …}; the modulus is the
 * monic irreducible polynomial of degree k with the smallest such number.
 */
final class FiniteField {
  private final int p;
  private final int degree;
  private final int size;

  /** Coefficients of the modulus, lowest first, the leading 1 included. */
  private final int[] modulus;

  /**
   * @param p an odd prime
   * @param degree 1 or more
   */
  FiniteField(int p, int degree) {
    this.p = p;
    this.degree = degree;
    this.size = power(p, degree);
    this.modulus = irreducible();
  }

  /** The field of {@code q} elements, or null when q is no power of an odd prime. */
  static FiniteField ofSize(int q) {
    if (q < 3 || q % 2 == 0) {
      return null;
    }
    int p = 3;
    while (q % p != 0) {
      p += 2;
    }
    int degree = 0;
    int rest = q;
    for (; rest % p == 0; rest /= p) {
      degree++;
    }
    return rest == 1 ? new FiniteField(p, degree) : null;
  }

  int size() {
    return size;
  }

  /** {@code χ}: 0 for 0, 1 for non-zero squares, -1 for the others; indexed by element. */
  byte[] quadraticCharacter() {
    byte[] character = new byte[size];
    java.util.Arrays.fill(character, (byte) -1);
    character[0] = 0;
    for (int a = 1; a < size; a++) {
      character[square(a)] = 1;
    }
    return character;
  }

  /** {@code a - b}. */
  int subtract(int a, int b) {
    int difference = 0;
    for (int i = 0, unit = 1; i < degree; i++, unit *= p, a /= p, b /= p) {
      difference += Math.floorMod(a % p - b % p, p) * unit;
    }
    return difference;
  }

  private int square(int a) {
    int[] digits = digits(a, degree);
    int[] product = new int[2 * degree - 1];
    for (int i = 0; i < degree; i++) {
      for (int j = 0; j < degree; j++) {
        product[i + j] = (product[i + j] + digits[i] * digits[j]) % p;
      }
    }
    reduce(product, modulus);
    int value = 0;
    for (int i = degree - 1; i >= 0; i--) {
      value = value * p + product[i];
    }
    return value;
  }

  private int[] irreducible() {
    for (int low = 0; ; low++) {
      int[] candidate = monic(low, degree);
      if (!hasFactor(candidate)) {
        return candidate;
      }
    }
  }

  private boolean hasFactor(int[] candidate) {
    for (int d = 1; 2 * d <= degree; d++) {
      for (int low = 0; low < power(p, d); low++) {
        int[] rest = candidate.clone();
        reduce(rest, monic(low, d));
        if (java.util.Arrays.stream(rest).allMatch(c -> c == 0)) {
          return true;
        }
      }
    }
    return false;
  }

  /** Replaces a polynomial by its remainder modulo a monic one. */
  private void reduce(int[] polynomial, int[] divisor) {
    int d = divisor.length - 1;
    for (int top = polynomial.length - 1; top >= d; top--) {
      int factor = polynomial[top];
      for (int i = 0; i <= d; i++) {
        int at = top - d + i;
        polynomial[at] = Math.floorMod(polynomial[at] - factor * divisor[i], p);
      }
    }
  }

  private int[] monic(int low, int d) {
    int[] polynomial = java.util.Arrays.copyOf(digits(low, d), d + 1);
    polynomial[d] = 1;
    return polynomial;
  }

  private int[] digits(int a, int count) {
    int[] digits = new int[count];
    for (int i = 0; i < count; i++, a /= p) {
      digits[i] = a % p;
    }
    return digits;
  }

  private static int power(int base, int exponent) {
    int value = 1;
    for (int i = 0; i < exponent; i++) {
      value = Math.multiplyExact(value, base);
    }
    return value;
  }
}
