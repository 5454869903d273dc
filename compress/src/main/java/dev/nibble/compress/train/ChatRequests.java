package dev.nibble.compress.train;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Turns a story into the answer to a request that names what is in it, so that the model can be
 * talked to. The requests are made of nouns and names that recur in the story.
 */
final class ChatRequests {
  private static final Pattern WORD = Pattern.compile("[A-Za-z]{3,}");
  private static final Pattern NAME = Pattern.compile("(?<=[a-z,] )[A-Z][a-z]{2,}");

  /** A word with an article before it and no further noun behind it. */
  private static final Pattern NOUN =
      Pattern.compile(
          "(?<=\\b(?:a|an|the) )[a-z]{2,}(?:[^s\\W]|ss)(?=[.,!?\"]"
              + "| (?:was|is|and|to|in|on|at|said|had|that|who|were|with|of|for|but|so)\\b)");

  private static final int COMMON = 200;

  private final Map<String, Integer> documentsWith = new HashMap<>();
  private final int commonLimit;

  /** Counts in how many documents each word occurs. */
  ChatRequests(List<String> documents) {
    for (String document : documents) {
      counts(WORD, document).keySet().forEach(w -> documentsWith.merge(w, 1, Integer::sum));
    }
    List<Integer> frequencies =
        documentsWith.values().stream().sorted(Comparator.reverseOrder()).toList();
    commonLimit = frequencies.size() > COMMON ? frequencies.get(COMMON) : Integer.MAX_VALUE;
  }

  private static Map<String, Integer> counts(Pattern pattern, String text) {
    Map<String, Integer> out = new TreeMap<>();
    Matcher matcher = pattern.matcher(text);
    while (matcher.find()) {
      out.merge(matcher.group(), 1, Integer::sum);
    }
    return out;
  }

  /** A request to which the document is an answer; the same for the same seed. */
  String request(String document, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    List<String> words = topics(document);
    List<String> names = recurring(counts(NAME, document));
    if (!names.isEmpty() && random.nextInt(3) == 0) {
      String about = names.getFirst();
      return words.isEmpty()
          ? "Tell me a story about " + about + "."
          : "Tell me a story about " + about + " and " + article(words.getFirst()) + ".";
    }
    if (words.size() >= 2) {
      String first = words.get(0);
      String second = words.get(1);
      return switch (random.nextInt(3)) {
        case 0 -> "Tell me a story about " + article(first) + " and " + article(second) + ".";
        case 1 -> "Write a short story with the words " + first + " and " + second + ".";
        default -> "Can you tell me a story about " + article(first) + "?";
      };
    }
    if (words.size() == 1) {
      return "Tell me a story about " + article(words.getFirst()) + ".";
    }
    return random.nextBoolean() ? "Tell me a story." : "Please tell me a short story.";
  }

  private static String article(String noun) {
    return ("aeiou".indexOf(noun.charAt(0)) >= 0 ? "an " : "a ") + noun;
  }

  /** Nouns that occur twice or more and in few other documents, most frequent first. */
  private List<String> topics(String document) {
    Map<String, Integer> counts = counts(NOUN, document);
    counts.keySet().removeIf(w -> documentsWith.getOrDefault(w, 0) >= commonLimit);
    return recurring(counts);
  }

  private static List<String> recurring(Map<String, Integer> counts) {
    List<Map.Entry<String, Integer>> entries = new ArrayList<>(counts.entrySet());
    entries.removeIf(e -> e.getValue() < 2);
    entries.sort(Map.Entry.<String, Integer>comparingByValue().reversed());
    return entries.stream().map(Map.Entry::getKey).toList();
  }
}
