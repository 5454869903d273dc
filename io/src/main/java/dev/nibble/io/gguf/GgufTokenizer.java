package dev.nibble.io.gguf;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import dev.nibble.core.ModelFormatException;
import dev.nibble.core.model.ModelConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.SequencedMap;

/**
 * Tokenizer metadata of a GGUF file ({@code tokenizer.ggml.*}, {@code tokenizer.chat_template}),
 * made from a Hugging Face directory or taken over from another GGUF file.
 *
 * <p>Byte-level BPE becomes model {@code gpt2} with a named pre-tokenizer; BPE with byte fallback
 * (converted SentencePiece) becomes {@code llama}, where a token's score is minus the rank of the
 * merge that makes it; Unigram becomes {@code t5}.
 */
public final class GgufTokenizer {
  private static final String PREFIX = "tokenizer.";
  private static final long MAX_FILE_BYTES = 1L << 28;
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Path file;
  private final JsonNode tokenizer;
  private final JsonNode settings;
  private final ModelConfig config;
  private final SequencedMap<String, GgufValue> metadata = new LinkedHashMap<>();

  private GgufTokenizer(Path file, JsonNode tokenizer, JsonNode settings, ModelConfig config) {
    this.file = file;
    this.tokenizer = tokenizer;
    this.settings = settings;
    this.config = config;
  }

  /** The tokenizer keys of a GGUF file as they are. */
  public static SequencedMap<String, GgufValue> fromGguf(GgufFile file) {
    SequencedMap<String, GgufValue> metadata = new LinkedHashMap<>();
    file.values()
        .forEach(
            (key, value) -> {
              if (key.startsWith(PREFIX)) {
                metadata.put(key, value);
              }
            });
    return metadata;
  }

  /**
   * Metadata from {@code tokenizer.json}, {@code tokenizer_config.json} and {@code
   * chat_template.jinja} of a model directory. Ids above the tokenizer's, up to the model's
   * vocabulary, become unused tokens.
   *
   * @param config the model's configuration, for vocabulary size and special ids
   * @throws ModelFormatException when the files are damaged or of a kind that GGUF readers lack
   */
  public static SequencedMap<String, GgufValue> fromDirectory(Path directory, ModelConfig config) {
    Path file = directory.resolve("tokenizer.json");
    JsonNode settings = MissingNode.getInstance();
    if (Files.exists(directory.resolve("tokenizer_config.json"))) {
      settings = read(directory.resolve("tokenizer_config.json"));
    }
    GgufTokenizer writer = new GgufTokenizer(file, read(file), settings, config);
    writer.convert(directory);
    return writer.metadata;
  }

  private static JsonNode read(Path file) {
    try {
      if (Files.size(file) > MAX_FILE_BYTES) {
        throw new ModelFormatException(file, "", "is larger than any tokenizer should be");
      }
      JsonNode node = JSON.readTree(Files.readAllBytes(file));
      if (!node.isObject()) {
        throw new ModelFormatException(file, "", "is not a JSON object");
      }
      return node;
    } catch (IOException e) {
      throw new ModelFormatException(
          file, "", "cannot be read as JSON: " + e.getMessage().lines().findFirst().orElse(""), e);
    }
  }

  private void convert(Path directory) {
    JsonNode model = tokenizer.path("model");
    String type = model.path("type").asText(model.has("merges") ? "BPE" : "");
    switch (type) {
      case "BPE" -> {
        if (PreTokenizer.isByteLevel(tokenizer)) {
          put("model", GgufValue.of("gpt2"));
          put("pre", GgufValue.of(PreTokenizer.name(file, tokenizer)));
        } else {
          put("model", GgufValue.of("llama"));
          put("pre", GgufValue.of("default"));
          put("add_space_prefix", GgufValue.of(PreTokenizer.addsLeadingSpace(tokenizer)));
        }
      }
      case "Unigram" -> {
        put("model", GgufValue.of("t5"));
        put("pre", GgufValue.of("default"));
        put("add_space_prefix", GgufValue.of(PreTokenizer.addsLeadingSpace(tokenizer)));
      }
      default ->
          throw new ModelFormatException(
              file, "model.type", "'" + type + "' cannot be written to GGUF, only BPE and Unigram");
    }
    TokenTable table = new TokenTable(file, tokenizer, config.vocabSize());
    table.writeTo(this::put);
    specialIds(table);
    chatTemplate(directory);
  }

  private void put(String key, GgufValue value) {
    metadata.put(PREFIX + "ggml." + key, value);
  }

  private void specialIds(TokenTable table) {
    int begin = config.bosId();
    JsonNode first = firstSpecial(tokenizer.path("post_processor"));
    boolean addBegin = settings.path("add_bos_token").asBoolean(false);
    if (!tokenizer.path("post_processor").isMissingNode()
        && !tokenizer.path("post_processor").isNull()) {
      addBegin = !first.isMissingNode();
      Integer id = table.idOf(first.asText());
      begin = id != null ? id : begin;
    }
    id("bos", begin);
    put("add_bos_token", GgufValue.of(addBegin && begin >= 0));
    String[] ends = {"eos", "eot", "eom"};
    for (int i = 0; i < Math.min(ends.length, config.eosIds().size()); i++) {
      id(ends[i], config.eosIds().get(i));
    }
    put("add_eos_token", GgufValue.of(settings.path("add_eos_token").asBoolean(false)));
    token("unknown", tokenizer.path("model").path("unk_token"), table);
    token("padding", settings.path("pad_token"), table);
  }

  private void id(String name, int id) {
    if (id >= 0 && id < config.vocabSize()) {
      put(name + "_token_id", GgufValue.u32(id));
    }
  }

  /** A token given as text or as an object with its text. */
  private void token(String name, JsonNode token, TokenTable table) {
    Integer id = table.idOf(token.isObject() ? token.path("content").asText() : token.asText());
    if (id != null) {
      id(name, id);
    }
  }

  /** Token that a template puts before a single text; missing when there is none. */
  private static JsonNode firstSpecial(JsonNode processor) {
    for (JsonNode part : processor.path("processors")) {
      JsonNode found = firstSpecial(part);
      if (!found.isMissingNode()) {
        return found;
      }
    }
    return processor.path("single").path(0).path("SpecialToken").path("id");
  }

  private void chatTemplate(Path directory) {
    JsonNode template = settings.path("chat_template");
    if (template.isArray()) {
      for (JsonNode named : template) {
        if (named.path("name").asText().equals("default")) {
          template = named.path("template");
        }
      }
    }
    Path separate = directory.resolve("chat_template.jinja");
    if (Files.exists(separate)) {
      try {
        metadata.put(PREFIX + "chat_template", GgufValue.of(Files.readString(separate)));
      } catch (IOException e) {
        throw new ModelFormatException(separate, "", "cannot be read: " + e.getMessage(), e);
      }
    } else if (template.isTextual()) {
      metadata.put(PREFIX + "chat_template", GgufValue.of(template.asText()));
    }
  }

  /** Receiver of a key without its prefix. */
  @FunctionalInterface
  interface Sink {
    void put(String key, GgufValue value);
  }
}
