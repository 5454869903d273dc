package dev.nibble.io.token;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What {@code tokenizer_config.json} and {@code special_tokens_map.json} say, if they exist. */
final class Settings {
  private final Part config;
  private final Part specials;

  private Settings(Part config, Part specials) {
    this.config = config;
    this.specials = specials;
  }

  static Settings read(Path directory) {
    return new Settings(
        optional(directory.resolve("tokenizer_config.json")),
        optional(directory.resolve("special_tokens_map.json")));
  }

  private static Part optional(Path file) {
    return Files.exists(file) ? Part.read(file) : new Part(file, "", MissingNode.getInstance());
  }

  /** Text of a token that has a role, such as {@code bos_token}. */
  Optional<String> token(String role) {
    for (Part part : List.of(config, specials)) {
      JsonNode value = part.node().path(role);
      if (value.isObject()) {
        value = value.path("content");
      }
      if (value.isTextual()) {
        return Optional.of(value.textValue());
      }
    }
    return Optional.empty();
  }

  /** A truth value, empty when the file does not say. */
  Optional<Boolean> flag(String name) {
    return config.lacks(name) ? Optional.empty() : Optional.of(config.flag(name, false));
  }

  /** True for the classes that build their frame from {@code add_bos_token, add_eos_token}. */
  boolean framesByFlags() {
    String name = config.text("tokenizer_class", "");
    return name.startsWith("Llama") || name.startsWith("CodeLlama") || name.startsWith("Gemma");
  }

  /** The entries of {@code added_tokens_decoder}. */
  List<AddedToken> addedTokens() {
    List<AddedToken> tokens = new ArrayList<>();
    Part decoder = config.child("added_tokens_decoder");
    for (Map.Entry<String, JsonNode> entry : decoder.node().properties()) {
      Part token = decoder.child(entry.getKey());
      int id;
      try {
        id = Integer.parseInt(entry.getKey());
      } catch (NumberFormatException e) {
        throw token.fault("is not under an id");
      }
      if (id < 0 || id > Vocabulary.MAX_ID) {
        throw token.fault("is under an id outside 0.." + Vocabulary.MAX_ID);
      }
      tokens.add(addedToken(token, id));
    }
    return tokens;
  }

  /** The added token that an object describes. */
  static AddedToken addedToken(Part part, int id) {
    boolean special = part.flag("special", false);
    return new AddedToken(
        id,
        part.text("content"),
        part.flag("single_word", false),
        part.flag("lstrip", false),
        part.flag("rstrip", false),
        part.flag("normalized", !special),
        special);
  }
}
