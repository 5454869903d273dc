package dev.nibble.io.token;

import java.util.List;

/** All parts of a tokenizer, in the order text passes them. */
record Chain(
    AddedTokens added,
    Normalizer normalizer,
    PreTokenizer preTokenizer,
    Vocabulary vocabulary,
    TokenModel model,
    Frame frame,
    TokenDecoder decoder) {

  /** Id of a token's text, added tokens before the model's, -1 when there is none. */
  int id(String token) {
    AddedToken found = added.byContent(token);
    return found != null ? found.id() : vocabulary.id(token);
  }

  /** Text of an id, null when no token uses it. */
  String token(int id) {
    AddedToken found = added.byId(id);
    if (found != null) {
      return found.content();
    }
    return id < vocabulary.size() ? vocabulary.token(id) : null;
  }

  int size() {
    return Math.max(added.size(), vocabulary.size());
  }

  /** Joined text of stored tokens. */
  String decode(List<String> tokens) {
    return String.join("", decoder.apply(tokens));
  }

  Chain withFrame(Frame other) {
    return new Chain(added, normalizer, preTokenizer, vocabulary, model, other, decoder);
  }
}
