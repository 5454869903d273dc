package dev.nibble.compress.allocate;

import java.util.Comparator;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/** Orders of units; ties go to the lower index. */
final class Ranking {
  private Ranking() {}

  /** Highest score first. */
  static int[] descending(double[] scores) {
    return IntStream.range(0, scores.length)
        .boxed()
        .sorted(Comparator.comparingDouble((Integer i) -> -scores[i]).thenComparingInt(i -> i))
        .mapToInt(i -> i)
        .toArray();
  }

  /** Lowest score first: exactly {@link #descending} from the end. */
  static int[] reversed(int[] order) {
    int n = order.length;
    return IntStream.range(0, n).map(i -> order[n - 1 - i]).toArray();
  }

  /** Any order, by the seed. */
  static int[] random(int count, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int[] out = IntStream.range(0, count).toArray();
    for (int i = count - 1; i > 0; i--) {
      int j = random.nextInt(i + 1);
      int swapped = out[i];
      out[i] = out[j];
      out[j] = swapped;
    }
    return out;
  }
}
