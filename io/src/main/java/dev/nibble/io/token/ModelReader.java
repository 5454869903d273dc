package dev.nibble.io.token;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Map;

/** Reads the field {@code model} of {@code tokenizer.json}. */
final class ModelReader {
  private final Part part;
  private final Vocabulary vocabulary;
  private double[] scores = {};

  ModelReader(Part part) {
    this.part = part;
    this.vocabulary = new Vocabulary(part.node().path("vocab").size());
  }

  /** The vocabulary, filled by {@link #read}. */
  Vocabulary vocabulary() {
    return vocabulary;
  }

  TokenModel read() {
    String type = part.text("type", guess());
    if (type.equals("Unigram")) {
      readScores();
    } else {
      readVocabulary();
    }
    return switch (type) {
      case "BPE" -> bpe();
      case "Unigram" -> unigram();
      case "WordPiece" ->
          new CachedModel(
              new WordPieceModel(
                  vocabulary,
                  requiredId("unk_token", "[UNK]"),
                  part.text("continuing_subword_prefix", "##"),
                  part.lacks("max_input_chars_per_word")
                      ? 100
                      : part.number("max_input_chars_per_word", 1, Integer.MAX_VALUE)),
              null);
      case "WordLevel" -> new WordLevelModel(vocabulary, optionalId("unk_token"));
      default ->
          throw part.fault(
              "model type '" + type + "' is none of BPE, Unigram, WordPiece and WordLevel");
    };
  }

  /** Old files leave the type out. */
  private String guess() {
    if (!part.lacks("merges")) {
      return "BPE";
    }
    if (part.node().path("vocab").isArray()) {
      return "Unigram";
    }
    return part.lacks("max_input_chars_per_word") ? "WordLevel" : "WordPiece";
  }

  private void readVocabulary() {
    Part vocab = part.child("vocab");
    if (!vocab.node().isObject() || vocab.node().isEmpty()) {
      throw vocab.fault("is not an object of tokens with their ids");
    }
    for (Map.Entry<String, JsonNode> entry : vocab.node().properties()) {
      int id = entry.getValue().asInt(-1);
      if (!entry.getValue().isInt() || id < 0 || id > Vocabulary.MAX_ID) {
        throw vocab
            .child(entry.getKey())
            .fault("is not an id in 0.." + Vocabulary.MAX_ID + ": " + entry.getValue());
      }
      vocabulary.put(entry.getKey(), id);
    }
  }

  /** A list of pairs of token and log probability; the place in the list is the id. */
  private void readScores() {
    List<Part> entries = part.list("vocab");
    if (entries.isEmpty() || entries.size() > Vocabulary.MAX_ID) {
      throw part.child("vocab").fault("has " + entries.size() + " tokens");
    }
    scores = new double[entries.size()];
    for (int id = 0; id < scores.length; id++) {
      JsonNode entry = entries.get(id).node();
      if (entry.size() != 2 || !entry.path(0).isTextual() || !entry.path(1).isNumber()) {
        throw entries.get(id).fault("is not a pair of token and log probability");
      }
      vocabulary.put(entry.path(0).textValue(), id);
      scores[id] = entry.path(1).doubleValue();
    }
  }

  private TokenModel bpe() {
    String prefix = part.text("continuing_subword_prefix", "");
    BpeModel.Options options =
        new BpeModel.Options(
            part.flag("byte_fallback", false),
            part.flag("ignore_merges", false),
            optionalId("unk_token"),
            part.flag("fuse_unk", false),
            prefix,
            part.text("end_of_word_suffix", ""));
    return BpeModel.cached(vocabulary, merges(prefix.length()), options);
  }

  private PairTable merges(int prefixLength) {
    JsonNode rules = part.node().path("merges");
    if (!rules.isArray() && !part.lacks("merges")) {
      throw part.child("merges").fault("is not a list");
    }
    PairTable table = new PairTable(rules.size());
    int rank = 0;
    for (JsonNode rule : rules) {
      addMerge(table, rank, rule, prefixLength);
      rank++;
    }
    return table;
  }

  private void addMerge(PairTable table, int rank, JsonNode rule, int prefixLength) {
    String left = null;
    String right = "";
    if (rule.isArray() && rule.size() == 2) {
      left = rule.path(0).textValue();
      right = rule.path(1).textValue();
    } else if (rule.isTextual()) {
      String text = rule.textValue();
      int space = text.indexOf(' ');
      if (space >= 0 && text.indexOf(' ', space + 1) < 0) {
        left = text.substring(0, space);
        right = text.substring(space + 1);
      }
    }
    Merges.add(
        table,
        vocabulary,
        rank,
        left,
        right,
        prefixLength,
        problem -> part.child("merges[" + rank + "]").fault(problem));
  }

  private TokenModel unigram() {
    int unknown = part.lacks("unk_id") ? -1 : part.number("unk_id", 0, scores.length - 1);
    return new UnigramModel(vocabulary, scores, unknown, part.flag("byte_fallback", false));
  }

  private int optionalId(String field) {
    return part.lacks(field) ? -1 : requiredId(field, "");
  }

  private int requiredId(String field, String otherwise) {
    String token = part.text(field, otherwise);
    int id = vocabulary.id(token);
    if (id < 0) {
      throw part.child(field).fault("names '" + token + "', which is not in the vocabulary");
    }
    return id;
  }
}
