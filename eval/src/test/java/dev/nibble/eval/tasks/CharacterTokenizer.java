package dev.nibble.eval.tasks;

import dev.nibble.io.token.StreamDecoder;
import dev.nibble.io.token.Tokenizer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * One token per character below 128, except that {@code " y"}, {@code "ab"} and a double space are
 * one token, so that tokens can span the border of context and continuation. BOS is 1, EOS is 2.
 */
final class CharacterTokenizer implements Tokenizer {
  static final int SPACE_Y = 128;
  static final int AB = 129;
  static final int TWO_SPACES = 130;
  static final int VOCAB = 131;

  @Override
  public int vocabSize() {
    return VOCAB;
  }

  @Override
  public int[] encode(String text, boolean addSpecial) {
    List<Integer> ids = new ArrayList<>();
    if (addSpecial) {
      ids.add(1);
    }
    int i = 0;
    while (i < text.length()) {
      if (text.startsWith(" y", i)) {
        ids.add(SPACE_Y);
        i += 2;
      } else if (text.startsWith("ab", i)) {
        ids.add(AB);
        i += 2;
      } else if (text.startsWith("  ", i)) {
        ids.add(TWO_SPACES);
        i += 2;
      } else {
        ids.add(Math.min(text.charAt(i++), 127));
      }
    }
    return ids.stream().mapToInt(Integer::intValue).toArray();
  }

  @Override
  public String decode(int[] ids, boolean skipSpecial) {
    throw new UnsupportedOperationException();
  }

  @Override
  public int bosId() {
    return 1;
  }

  @Override
  public Set<Integer> eosIds() {
    return Set.of(2);
  }

  @Override
  public Optional<Integer> idOf(String token) {
    return Optional.empty();
  }

  @Override
  public String token(int id) {
    return "";
  }

  @Override
  public boolean isSpecial(int id) {
    return id < 3;
  }

  @Override
  public StreamDecoder streamDecoder() {
    throw new UnsupportedOperationException();
  }
}
