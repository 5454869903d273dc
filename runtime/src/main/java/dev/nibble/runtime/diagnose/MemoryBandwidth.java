package dev.nibble.runtime.diagnose;

import dev.nibble.runtime.kernel.Team;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Sequential read bandwidth: what bounds token-by-token decoding. */
public final class MemoryBandwidth {
  private static final long BYTES = 256L << 20;
  private static final int CHUNKS = 64;
  private static final int ROUNDS = 5;

  private MemoryBandwidth() {}

  /** Best of a few passes over a buffer larger than any cache, in bytes per second. */
  public static double measure(int threads) {
    try (Arena arena = Arena.ofShared();
        Team team = new Team(threads)) {
      MemorySegment buffer = arena.allocate(BYTES, 64);
      buffer.fill((byte) 1);
      long[] sums = new long[CHUNKS];
      long chunk = BYTES / CHUNKS;
      double best = 0;
      for (int round = 0; round < ROUNDS; round++) {
        long start = System.nanoTime();
        team.run(CHUNKS, (i, worker) -> sums[i] = sum(buffer.asSlice(i * chunk, chunk)));
        best = Math.max(best, BYTES / ((System.nanoTime() - start) / 1e9));
      }
      if (sums[0] != sum(buffer.asSlice(0, chunk))) {
        throw new IllegalStateException("two passes over the same memory differ");
      }
      return best;
    }
  }

  private static long sum(MemorySegment s) {
    long a = 0;
    long b = 0;
    long c = 0;
    long d = 0;
    int n = (int) s.byteSize();
    for (int i = 0; i < n; i += 32) {
      a += s.get(ValueLayout.JAVA_LONG_UNALIGNED, i);
      b += s.get(ValueLayout.JAVA_LONG_UNALIGNED, i + 8);
      c += s.get(ValueLayout.JAVA_LONG_UNALIGNED, i + 16);
      d += s.get(ValueLayout.JAVA_LONG_UNALIGNED, i + 24);
    }
    return a + b + c + d;
  }
}
