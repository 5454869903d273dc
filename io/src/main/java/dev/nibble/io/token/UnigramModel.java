package dev.nibble.io.token;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Unigram language model (Kudo 2018): the split of a word into tokens with the highest sum of log
 * probabilities, found by the Viterbi algorithm; of equal splits the one found first. A character
 * that is no token costs ten nats more than the least likely token.
 */
final class UnigramModel implements TokenModel {
  private static final double UNKNOWN_PENALTY = 10;

  private final Vocabulary vocabulary;
  private final double[] scores;
  private final int unknownId;
  private final int[] bytes;
  private final Trie trie = new Trie();
  private final double unknownScore;

  /**
   * @param scores log probability of each id
   * @param unknownId -1 when unknown characters are left out
   * @param byteFallback use {@code <0xHH>} tokens for unknown characters
   */
  UnigramModel(Vocabulary vocabulary, double[] scores, int unknownId, boolean byteFallback) {
    this.vocabulary = vocabulary;
    this.scores = scores;
    this.unknownId = unknownId;
    this.bytes = byteFallback ? vocabulary.byteTokens() : null;
    for (int id = 0; id < vocabulary.size(); id++) {
      String token = vocabulary.token(id);
      if (token != null && !token.isEmpty()) {
        trie.put(token, id);
      }
    }
    this.unknownScore = Arrays.stream(scores).min().orElse(0) - UNKNOWN_PENALTY;
  }

  @Override
  public void tokenize(String word, IdBuffer out) {
    int[] starts = bestStarts(word);
    List<String> parts = new ArrayList<>();
    int end = word.length();
    while (end > 0) {
      int start = starts[end];
      // Neighbouring unknown characters are one unknown token.
      if (isUnknown(word, start, end)) {
        while (start > 0 && isUnknown(word, starts[start], start)) {
          start = starts[start];
        }
      }
      parts.add(word.substring(start, end));
      end = start;
    }
    for (String part : parts.reversed()) {
      emit(part, out);
    }
  }

  private boolean isUnknown(String word, int start, int end) {
    int id = vocabulary.id(word.substring(start, end));
    return id < 0 || id == unknownId;
  }

  /** For each end of a prefix of the word, where the last token of its best split starts. */
  private int[] bestStarts(String word) {
    int[] starts = new int[word.length() + 1];
    double[] best = new double[word.length() + 1];
    Arrays.fill(starts, -1);
    for (int start = 0; start < word.length(); ) {
      int single = start + Character.charCount(word.codePointAt(start));
      boolean known = false;
      int node = Trie.ROOT;
      for (int i = start; i < word.length(); ) {
        int c = word.codePointAt(i);
        i += Character.charCount(c);
        node = trie.child(node, c);
        if (node < 0) {
          break;
        }
        int id = trie.value(node);
        if (id >= 0) {
          known |= i == single;
          offer(starts, best, start, i, scores[id]);
        }
      }
      if (!known) {
        offer(starts, best, start, single, unknownScore);
      }
      start = single;
    }
    return starts;
  }

  private static void offer(int[] starts, double[] best, int start, int end, double score) {
    double candidate = best[start] + score;
    if (starts[end] < 0 || candidate > best[end]) {
      starts[end] = start;
      best[end] = candidate;
    }
  }

  private void emit(String part, IdBuffer out) {
    int id = vocabulary.id(part);
    if (id >= 0) {
      out.add(id);
      return;
    }
    byte[] utf8 = part.getBytes(StandardCharsets.UTF_8);
    boolean spelled = bytes != null;
    for (int i = 0; spelled && i < utf8.length; i++) {
      spelled = bytes[utf8[i] & 0xff] >= 0;
    }
    if (spelled) {
      for (byte b : utf8) {
        out.add(bytes[b & 0xff]);
      }
    } else if (unknownId >= 0) {
      out.add(unknownId);
    }
  }
}
