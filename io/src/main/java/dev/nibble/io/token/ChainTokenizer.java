package dev.nibble.io.token;

import dev.nibble.core.NibbleException;
import dev.nibble.io.token.PreTokenizer.Piece;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** A tokenizer made of a {@link Chain}. */
final class ChainTokenizer implements Tokenizer {
  private final Chain chain;
  private final int bosId;
  private final Set<Integer> eosIds;
  private final int size;

  ChainTokenizer(Chain chain, int bosId, Set<Integer> eosIds) {
    this.chain = chain;
    this.bosId = bosId;
    this.eosIds = Set.copyOf(eosIds);
    this.size = chain.size();
  }

  @Override
  public int vocabSize() {
    return size;
  }

  @Override
  public int[] encode(String text, boolean addSpecial) {
    IdBuffer out = new IdBuffer();
    if (addSpecial) {
      chain.frame().before().forEach(out::add);
    }
    String clean = Characters.wellFormed(text);
    chain
        .added()
        .splitVerbatim(
            clean,
            (start, end, id) -> {
              if (id >= 0) {
                out.add(id);
              } else {
                String normal = chain.normalizer().apply(clean.substring(start, end));
                normalized(normal, start == 0, out);
              }
            });
    if (addSpecial) {
      chain.frame().after().forEach(out::add);
    }
    return out.toArray();
  }

  private void normalized(String text, boolean first, IdBuffer out) {
    chain
        .added()
        .splitNormalized(
            text,
            (start, end, id) -> {
              if (id >= 0) {
                out.add(id);
              } else {
                words(new Piece(text.substring(start, end), first && start == 0), out);
              }
            });
  }

  private void words(Piece stretch, IdBuffer out) {
    List<Piece> words = new ArrayList<>();
    chain.preTokenizer().split(stretch, words);
    for (Piece word : words) {
      chain.model().tokenize(word.text(), out);
    }
  }

  @Override
  public String decode(int[] ids, boolean skipSpecial) {
    List<String> tokens = new ArrayList<>(ids.length);
    for (int id : ids) {
      String token = token(id);
      if (!token.isEmpty() && !(skipSpecial && isSpecial(id))) {
        tokens.add(token);
      }
    }
    return chain.decode(tokens);
  }

  @Override
  public int bosId() {
    return bosId;
  }

  @Override
  public Set<Integer> eosIds() {
    return eosIds;
  }

  @Override
  public Optional<Integer> idOf(String token) {
    int id = chain.id(token);
    return id < 0 ? Optional.empty() : Optional.of(id);
  }

  @Override
  public String token(int id) {
    if (id < 0 || id >= size) {
      throw new NibbleException(
          "token id "
              + id
              + " is outside the tokenizer's 0.."
              + (size - 1)
              + "; use the tokenizer that belongs to the model",
          NibbleException.BAD_INPUT,
          null);
    }
    String token = chain.token(id);
    return token == null ? "" : token;
  }

  @Override
  public boolean isSpecial(int id) {
    AddedToken token = chain.added().byId(id);
    return token != null && token.special();
  }

  @Override
  public StreamDecoder streamDecoder() {
    return new WindowDecoder(this);
  }
}
