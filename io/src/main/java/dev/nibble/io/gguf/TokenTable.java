package dev.nibble.io.gguf;

import com.fasterxml.jackson.databind.JsonNode;
import dev.nibble.core.ModelFormatException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/** Tokens of a {@code tokenizer.json} by id, with GGUF's scores, types and merge rules. */
final class TokenTable {
  private static final int NORMAL = 1;
  private static final int UNKNOWN = 2;
  private static final int CONTROL = 3;
  private static final int USER_DEFINED = 4;
  private static final int UNUSED = 5;
  private static final int BYTE = 6;

  private static final float UNREACHABLE = -1e6f;

  private static final Pattern BYTE_TOKEN = Pattern.compile("<0x[0-9A-F]{2}>");

  private final Path file;
  private final String[] tokens;
  private final float[] scores;
  private final int[] types;
  private final List<String> merges = new ArrayList<>();
  private final Map<String, Integer> ids = new HashMap<>();
  private final boolean byteLevel;

  TokenTable(Path file, JsonNode tokenizer, int size) {
    this.file = file;
    this.tokens = new String[size];
    this.scores = new float[size];
    this.types = new int[size];
    this.byteLevel = PreTokenizer.isByteLevel(tokenizer);
    Arrays.fill(types, UNUSED);
    JsonNode model = tokenizer.path("model");
    vocabulary(model.path("vocab"));
    if (!model.path("vocab").isArray()) {
      merges(model.path("merges"));
    }
    Integer unknown =
        model.path("unk_id").isInt()
            ? Integer.valueOf(model.path("unk_id").asInt())
            : ids.get(model.path("unk_token").asText());
    for (JsonNode added : tokenizer.path("added_tokens")) {
      boolean special = added.path("special").asBoolean();
      set(added.path("id"), added.path("content").asText(), special ? CONTROL : USER_DEFINED);
    }
    if (unknown != null && unknown >= 0 && unknown < size && !byteLevel) {
      types[unknown] = UNKNOWN;
    }
    for (int i = 0; i < size; i++) {
      if (tokens[i] == null) {
        tokens[i] = "[PAD" + i + "]";
      }
    }
  }

  /** Id of a token's text, null when there is none. */
  Integer idOf(String token) {
    return ids.get(token);
  }

  void writeTo(GgufTokenizer.Sink out) {
    out.put("tokens", GgufValue.strings(Arrays.asList(tokens)));
    if (!byteLevel) {
      out.put("scores", GgufValue.floats(scores));
    }
    out.put("token_type", GgufValue.ints(types));
    if (byteLevel) {
      out.put("merges", GgufValue.strings(merges));
    }
  }

  private void vocabulary(JsonNode vocabulary) {
    if (vocabulary.isArray()) {
      // Unigram: [token, log probability] in id order.
      for (int i = 0; i < vocabulary.size(); i++) {
        set(vocabulary.path(i), i, vocabulary.path(i).path(0).asText(), NORMAL);
        scores[i] = (float) vocabulary.path(i).path(1).asDouble();
      }
      return;
    }
    for (Map.Entry<String, JsonNode> token : vocabulary.properties()) {
      set(token.getValue(), token.getKey(), NORMAL);
    }
    if (ids.isEmpty()) {
      throw new ModelFormatException(file, "model.vocab", "the vocabulary is missing or empty");
    }
  }

  private void set(JsonNode id, String token, int type) {
    set(id, id.isInt() ? id.asInt() : -1, token, type);
  }

  private void set(JsonNode where, int id, String token, int type) {
    if (id < 0 || id >= tokens.length) {
      throw new ModelFormatException(
          file,
          "vocabulary",
          "token '"
              + token
              + "' has id "
              + where.asText()
              + ", but the model has "
              + tokens.length
              + " embeddings; this is not the tokenizer of this model");
    }
    boolean isByte = type == NORMAL && !byteLevel && BYTE_TOKEN.matcher(token).matches();
    tokens[id] = type == USER_DEFINED && !byteLevel ? token.replace('\u2581', ' ') : token;
    types[id] = isByte ? BYTE : type;
    ids.put(token, id);
  }

  private void merges(JsonNode rules) {
    for (int rank = 0; rank < rules.size(); rank++) {
      JsonNode rule = rules.get(rank);
      String text =
          rule.isArray() ? rule.path(0).asText() + " " + rule.path(1).asText() : rule.asText();
      merges.add(text);
      int space = text.indexOf(' ', 1);
      Integer made =
          space < 0 ? null : ids.get(text.substring(0, space) + text.substring(space + 1));
      if (made != null && scores[made] == 0) {
        scores[made] = -(rank + 1);
      }
    }
    for (int i = 0; i < tokens.length; i++) {
      // A reader joins any two pieces whose text is a token; one that no merge makes comes last.
      if (types[i] == NORMAL
          && scores[i] == 0
          && tokens[i].codePointCount(0, tokens[i].length()) > 1) {
        scores[i] = UNREACHABLE;
      }
    }
  }
}
