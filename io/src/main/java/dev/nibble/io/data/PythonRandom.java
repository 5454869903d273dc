package dev.nibble.io.data;

import java.util.HashSet;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * Python's {@code random.Random(seed)}: MT19937 (Matsumoto and Nishimura 1998) seeded by array,
 * with Python's way of drawing integers and samples. Data that published results drew with it
 * (few-shot examples, calibration slices) can be drawn again. Not thread-safe, not for secrets.
 */
public final class PythonRandom {
  private static final int N = 624;
  private static final int M = 397;

  private final int[] state = new int[N];
  private int next = N;

  /** A generator seeded with a non-negative integer below 2^63. */
  public PythonRandom(long seed) {
    if (seed < 0) {
      throw new IllegalArgumentException("negative seed " + seed);
    }
    int[] key =
        seed >>> 32 == 0 ? new int[] {(int) seed} : new int[] {(int) seed, (int) (seed >>> 32)};
    fill(19650218);
    int i = 1;
    int j = 0;
    for (int k = Math.max(N, key.length); k > 0; k--) {
      state[i] = (state[i] ^ (mixed(i) * 1664525)) + key[j] + j;
      j = (j + 1) % key.length;
      i = advance(i);
    }
    for (int k = N - 1; k > 0; k--) {
      state[i] = (state[i] ^ (mixed(i) * 1566083941)) - i;
      i = advance(i);
    }
    state[0] = 0x80000000;
  }

  private void fill(int seed) {
    state[0] = seed;
    for (int i = 1; i < N; i++) {
      state[i] = 1812433253 * mixed(i) + i;
    }
  }

  private int mixed(int i) {
    return state[i - 1] ^ (state[i - 1] >>> 30);
  }

  /** The next index; past the end the first word takes the last one's value. */
  private int advance(int i) {
    if (i + 1 < N) {
      return i + 1;
    }
    state[0] = state[N - 1];
    return 1;
  }

  /** The next 32 random bits. */
  public int nextWord() {
    if (next == N) {
      regenerate();
    }
    int y = state[next++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return y ^ (y >>> 18);
  }

  private void regenerate() {
    for (int i = 0; i < N; i++) {
      int y = (state[i] & 0x80000000) | (state[(i + 1) % N] & 0x7fffffff);
      state[i] = state[(i + M) % N] ^ (y >>> 1) ^ ((y & 1) * 0x9908b0df);
    }
    next = 0;
  }

  /**
   * A number from 0 to {@code n - 1}, as {@code randrange(n)}.
   *
   * @param n 1 to 2^31 - 1
   */
  public int below(int n) {
    if (n < 1) {
      throw new IllegalArgumentException("no number is below " + n);
    }
    int bits = 32 - Integer.numberOfLeadingZeros(n);
    while (true) {
      int drawn = nextWord() >>> (32 - bits);
      if (drawn >= 0 && drawn < n) {
        return drawn;
      }
    }
  }

  /** A number from {@code low} to {@code high}, both included, as {@code randint(low, high)}. */
  public int between(int low, int high) {
    return low + below(high - low + 1);
  }

  /**
   * {@code k} distinct indices below {@code n} in the order drawn, as {@code sample(range(n), k)}.
   *
   * @param k 0 to n
   */
  public int[] sample(int n, int k) {
    if (k < 0 || k > n) {
      throw new IllegalArgumentException("cannot draw " + k + " of " + n);
    }
    int[] drawn = new int[k];
    if (n <= poolLimit(k)) {
      int[] pool = IntStream.range(0, n).toArray();
      for (int i = 0; i < k; i++) {
        int j = below(n - i);
        drawn[i] = pool[j];
        pool[j] = pool[n - i - 1];
      }
      return drawn;
    }
    Set<Integer> seen = new HashSet<>();
    for (int i = 0; i < k; i++) {
      do {
        drawn[i] = below(n);
      } while (!seen.add(drawn[i]));
    }
    return drawn;
  }

  /** Up to this many candidates are drawn from a shrinking pool, more by rejection. */
  private static int poolLimit(int k) {
    return k <= 5 ? 21 : 21 + (int) Math.pow(4, Math.ceil(Math.log(3.0 * k) / Math.log(4)));
  }
}
