package dev.nibble.io.token.train;

import dev.nibble.core.NibbleException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.TreeMap;

/**
 * Learns byte-pair merges (Sennrich, Haddow, Birch 2016) over bytes: the most frequent adjacent
 * pair of tokens within a piece of text becomes a token, again and again. Among equally frequent
 * pairs the one with the lowest ids wins, so the result depends on the counts alone. Time is near
 * linear in the number of distinct pieces: only pieces that hold the merged pair are counted anew.
 */
public final class BpeTrainer {
  private final int vocabSize;
  private final List<String> specials;
  private final Map<String, Long> pieces = new TreeMap<>();

  private final List<int[]> words = new ArrayList<>();
  private final List<Long> counts = new ArrayList<>();
  private final Map<Long, Long> pairCounts = new HashMap<>();
  private final Map<Long, List<Integer>> pairWords = new HashMap<>();
  private final PriorityQueue<Candidate> queue =
      new PriorityQueue<>(
          Comparator.comparingLong(Candidate::count).reversed().thenComparingLong(Candidate::pair));

  private record Candidate(long pair, long count) {}

  /**
   * @param vocabSize ids wanted, special tokens and the 256 bytes included
   * @param specials tokens that stand for no text
   */
  public BpeTrainer(int vocabSize, List<String> specials) {
    if (vocabSize < specials.size() + 256) {
      throw new NibbleException(
          "a byte-level vocabulary of "
              + vocabSize
              + " has no room for the 256 bytes and "
              + specials.size()
              + " special tokens; ask for at least "
              + (specials.size() + 256));
    }
    this.vocabSize = vocabSize;
    this.specials = List.copyOf(specials);
  }

  /** Counts a text {@code weight} times. */
  public void add(String text, long weight) {
    BytePieces.split(text, piece -> pieces.merge(piece, weight, Long::sum));
  }

  /**
   * Learns from all texts added. The vocabulary is smaller than asked for when every piece has
   * become one token.
   */
  public ByteLevelBpe train() {
    prepare();
    List<ByteLevelBpe.Merge> merges = new ArrayList<>();
    int next = specials.size() + 256;
    while (next < vocabSize) {
      Candidate best = queue.poll();
      if (best == null) {
        break;
      }
      if (pairCounts.getOrDefault(best.pair(), 0L) != best.count()) {
        continue;
      }
      ByteLevelBpe.Merge merge =
          new ByteLevelBpe.Merge((int) (best.pair() >>> 32), (int) best.pair());
      merges.add(merge);
      apply(merge, next++);
    }
    return new ByteLevelBpe(specials, merges);
  }

  private void prepare() {
    words.clear();
    counts.clear();
    pairCounts.clear();
    pairWords.clear();
    queue.clear();
    pieces.forEach(
        (piece, count) -> {
          int[] ids = BytePieces.bytes(piece);
          for (int i = 0; i < ids.length; i++) {
            ids[i] += specials.size();
          }
          words.add(ids);
          counts.add(count);
          count(words.size() - 1, 1);
        });
    pairCounts.forEach((pair, count) -> queue.add(new Candidate(pair, count)));
  }

  /** Adds (or with -1 takes back) the pairs of a word. */
  private void count(int word, int sign) {
    int[] ids = words.get(word);
    long weight = sign * counts.get(word);
    for (int i = 0; i + 1 < ids.length; i++) {
      long pair = new ByteLevelBpe.Merge(ids[i], ids[i + 1]).key();
      pairCounts.merge(pair, weight, Long::sum);
      if (sign > 0) {
        pairWords.computeIfAbsent(pair, p -> new ArrayList<>()).add(word);
      }
    }
  }

  private void apply(ByteLevelBpe.Merge merge, int merged) {
    List<Integer> holders = pairWords.remove(merge.key());
    int last = -1;
    Map<Long, Boolean> touched = new HashMap<>();
    for (int word : holders.stream().sorted().toList()) {
      if (word == last) {
        continue;
      }
      last = word;
      int[] before = words.get(word);
      int[] after = before.clone();
      int length = ByteLevelBpe.replace(after, after.length, merge, merged);
      if (length == before.length) {
        continue;
      }
      touch(touched, before, before.length);
      touch(touched, after, length);
      count(word, -1);
      words.set(word, Arrays.copyOf(after, length));
      count(word, 1);
    }
    touched
        .keySet()
        .forEach(
            pair -> {
              long count = pairCounts.getOrDefault(pair, 0L);
              if (count > 0) {
                queue.add(new Candidate(pair, count));
              } else {
                pairCounts.remove(pair);
              }
            });
  }

  private static void touch(Map<Long, Boolean> touched, int[] ids, int length) {
    for (int i = 0; i + 1 < length; i++) {
      touched.put(new ByteLevelBpe.Merge(ids[i], ids[i + 1]).key(), true);
    }
  }
}
