package dev.nibble.compress.transform;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/** Orders of channels, as the {@code source} of a permutation: {@code y[i] = x[source[i]]}. */
final class ChannelDeal {
  private ChannelDeal() {}

  /**
   * Deals channels to blocks by falling maximum, back and forth, so that the blocks' mean maxima
   * are alike (DuQuant, section 3.3); within a block the order is falling.
   *
   * @param maxima by channel
   * @param block channels of a block, a divisor of their number
   */
  static int[] zigzag(double[] maxima, int block) {
    int count = maxima.length / block;
    List<Integer> falling =
        IntStream.range(0, maxima.length)
            .boxed()
            .sorted(Comparator.comparingDouble((Integer j) -> -maxima[j]))
            .toList();
    List<List<Integer>> blocks = new ArrayList<>();
    for (int b = 0; b < count; b++) {
      blocks.add(new ArrayList<>());
    }
    for (int i = 0; i < falling.size(); i++) {
      int round = i / count;
      int at = i % count;
      blocks.get(round % 2 == 0 ? at : count - 1 - at).add(falling.get(i));
    }
    return blocks.stream().flatMap(List::stream).mapToInt(j -> j).toArray();
  }

  /** A random order. */
  static int[] random(int channels, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int[] out = IntStream.range(0, channels).toArray();
    for (int i = channels - 1; i > 0; i--) {
      int j = random.nextInt(i + 1);
      int held = out[i];
      out[i] = out[j];
      out[j] = held;
    }
    return out;
  }
}
