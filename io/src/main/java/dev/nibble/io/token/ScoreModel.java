package dev.nibble.io.token;

import dev.nibble.core.ModelFormatException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.function.IntConsumer;
import java.util.function.IntPredicate;

/**
 * SentencePiece's byte-pair encoding, which has scores instead of rules: any two neighbours whose
 * joined text is a token may join, the best score first, of equals the leftmost.
 *
 * <p>All such pairs are listed once, over symbols: ids of tokens, and beyond them one symbol for
 * each character that occurs in a token without being one.
 */
final class ScoreModel implements TokenModel {
  /** SentencePiece's own limit is far lower; listing the pairs costs this squared. */
  private static final int MAX_TOKEN_LENGTH = 1024;

  private final Vocabulary vocabulary;
  private final int unknownId;
  private final Map<String, Integer> symbols;
  private final Map<Integer, Integer> characters = new HashMap<>();

  /** Characters of tokens that are no tokens; their symbols follow the ids. */
  private final List<String> strays = new ArrayList<>();

  private final PairTable pairs;
  private final int[] bytes;

  /**
   * The model with a memory for words.
   *
   * @param scores of each id, none NaN
   * @param ordinary tokens that text may become
   * @param unknownId for characters without token and byte tokens, -1 to leave them out
   * @param fault makes the exception of a key and a problem
   */
  static TokenModel cached(
      Vocabulary vocabulary,
      float[] scores,
      IntPredicate ordinary,
      int unknownId,
      BiFunction<String, String, ModelFormatException> fault) {
    ScoreModel model = new ScoreModel(vocabulary, scores, ordinary, unknownId, fault);
    return new CachedModel(model, new Seams(vocabulary, model.characters::containsKey));
  }

  private ScoreModel(
      Vocabulary vocabulary,
      float[] scores,
      IntPredicate ordinary,
      int unknownId,
      BiFunction<String, String, ModelFormatException> fault) {
    this.vocabulary = vocabulary;
    this.unknownId = unknownId;
    this.bytes = vocabulary.byteTokens();
    this.symbols = HashMap.newHashMap(vocabulary.size());
    for (int id = 0; id < vocabulary.size(); id++) {
      String token = vocabulary.token(id);
      if (token.length() > MAX_TOKEN_LENGTH) {
        throw fault.apply(
            "tokens[" + id + "]", "has more than " + MAX_TOKEN_LENGTH + " characters");
      }
      if (ordinary.test(id)) {
        symbols.put(token, id);
      }
    }
    nameCharacters(ordinary);
    this.pairs = new PairTable(vocabulary.size() * 4);
    int[] ranks = ranks(scores);
    for (int id = 0; id < vocabulary.size(); id++) {
      if (ordinary.test(id)) {
        addPairs(vocabulary.token(id), ranks[id], symbols.get(vocabulary.token(id)));
      }
    }
  }

  /** Gives every character of every token a symbol. */
  private void nameCharacters(IntPredicate ordinary) {
    for (int id = 0; id < vocabulary.size(); id++) {
      if (!ordinary.test(id)) {
        continue;
      }
      for (int c : vocabulary.token(id).codePoints().toArray()) {
        if (characters.containsKey(c)) {
          continue;
        }
        String text = Character.toString(c);
        Integer symbol = symbols.get(text);
        if (symbol == null) {
          symbol = vocabulary.size() + strays.size();
          strays.add(text);
          symbols.put(text, symbol);
        }
        characters.put(c, symbol);
      }
    }
  }

  /** Place of each score among the distinct scores, the highest being 0. */
  private static int[] ranks(float[] scores) {
    float[] distinct = new float[scores.length];
    for (int i = 0; i < scores.length; i++) {
      // Adding zero makes -0 and 0 the same.
      distinct[i] = scores[i] + 0f;
    }
    Arrays.sort(distinct);
    int count = 0;
    for (int i = 0; i < distinct.length; i++) {
      if (i == 0 || distinct[i] != distinct[count - 1]) {
        distinct[count++] = distinct[i];
      }
    }
    int[] ranks = new int[scores.length];
    for (int id = 0; id < scores.length; id++) {
      ranks[id] = count - 1 - Arrays.binarySearch(distinct, 0, count, scores[id] + 0f);
    }
    return ranks;
  }

  private void addPairs(String token, int rank, int id) {
    for (int cut = 1; cut < token.length(); cut++) {
      Integer left = symbols.get(token.substring(0, cut));
      Integer right = left == null ? null : symbols.get(token.substring(cut));
      if (right != null) {
        pairs.put(left, right, rank, id);
      }
    }
  }

  @Override
  public void tokenize(String word, IdBuffer out) {
    Merger merger = new Merger(pairs, word.length());
    int next = 0;
    for (int i = 0; i < word.length(); i = next) {
      int c = word.codePointAt(i);
      next = i + Character.charCount(c);
      Integer symbol = characters.get(c);
      if (symbol != null) {
        merger.add(symbol);
      } else {
        // Nothing joins it, so it may be spelled at once.
        spell(Character.toString(c), merger::add);
      }
    }
    IdBuffer joined = new IdBuffer();
    merger.run(joined);
    for (int i = 0; i < joined.size(); i++) {
      int symbol = joined.get(i);
      if (symbol < vocabulary.size()) {
        out.add(symbol);
      } else {
        spell(strays.get(symbol - vocabulary.size()), out::add);
      }
    }
  }

  /** Byte tokens of a character, or the unknown token, or nothing. */
  private void spell(String character, IntConsumer out) {
    byte[] utf8 = character.getBytes(StandardCharsets.UTF_8);
    boolean spelled = true;
    for (byte b : utf8) {
      spelled &= bytes[b & 0xff] >= 0;
    }
    if (!spelled) {
      if (unknownId >= 0) {
        out.accept(unknownId);
      }
      return;
    }
    for (byte b : utf8) {
      out.accept(bytes[b & 0xff]);
    }
  }
}
