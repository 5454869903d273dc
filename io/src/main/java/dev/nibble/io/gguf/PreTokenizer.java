package dev.nibble.io.gguf;

import com.fasterxml.jackson.databind.JsonNode;
import dev.nibble.core.ModelFormatException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Recognizes how a {@code tokenizer.json} splits text before BPE, and names it the way GGUF readers
 * do: they hold the splitting rules under names instead of reading them from the file.
 */
final class PreTokenizer {
  private static final String NUMBERS_OF_THREE = "\\p{N}{1,3}";
  private static final String CASED_LETTERS = "\\p{Lu}\\p{Lt}";
  private static final String WORDS_AND_LINE_ENDS = "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+";

  private PreTokenizer() {}

  /** True for byte-level BPE. */
  static boolean isByteLevel(JsonNode tokenizer) {
    return !ofType(tokenizer.path("pre_tokenizer"), "ByteLevel").isEmpty()
        || !ofType(tokenizer.path("decoder"), "ByteLevel").isEmpty();
  }

  /** True when a space is put before the text. */
  static boolean addsLeadingSpace(JsonNode tokenizer) {
    for (JsonNode metaspace : ofType(tokenizer.path("pre_tokenizer"), "Metaspace")) {
      String scheme = metaspace.path("prepend_scheme").asText("always");
      return !scheme.equals("never") && metaspace.path("add_prefix_space").asBoolean(true);
    }
    return !ofType(tokenizer.path("normalizer"), "Prepend").isEmpty();
  }

  /**
   * Name of the splitting rule.
   *
   * @throws ModelFormatException when it is none of the known ones
   */
  static String name(Path file, JsonNode tokenizer) {
    JsonNode pre = tokenizer.path("pre_tokenizer");
    List<String> patterns = new ArrayList<>();
    for (JsonNode split : ofType(pre, "Split")) {
      JsonNode pattern = split.path("pattern");
      patterns.add(pattern.path("Regex").asText(pattern.path("String").asText()));
    }
    boolean digits = !ofType(pre, "Digits").isEmpty();
    if (patterns.isEmpty()) {
      return digits ? "smollm" : "gpt-2";
    }
    if (patterns.size() == 1 && !digits) {
      String pattern = patterns.getFirst();
      boolean threes = pattern.contains(NUMBERS_OF_THREE);
      if (pattern.contains(CASED_LETTERS)) {
        return threes ? "gpt-4o" : "tekken";
      }
      if (pattern.contains(WORDS_AND_LINE_ENDS)) {
        return threes ? "llama-bpe" : "qwen2";
      }
      if (pattern.startsWith(" ?[^(\\s|[")) {
        return "bloom";
      }
      if (pattern.equals("[0-9][0-9][0-9]")) {
        return "falcon";
      }
    }
    throw new ModelFormatException(
        file,
        "pre_tokenizer",
        "the splitting rule "
            + patterns
            + " has no name in GGUF, so readers would tokenize differently; export in the nibble"
            + " format");
  }

  /** The component itself and those nested in sequences, of that type. */
  private static List<JsonNode> ofType(JsonNode component, String type) {
    List<JsonNode> found = new ArrayList<>();
    if (component.path("type").asText().equals(type)) {
      found.add(component);
    }
    for (String list : List.of("pretokenizers", "normalizers", "decoders")) {
      for (JsonNode part : component.path(list)) {
        found.addAll(ofType(part, type));
      }
    }
    return found;
  }
}
