package dev.nibble.io.token.train;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.io.file.AtomicFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;

/**
 * Writes a learned vocabulary as {@code tokenizer.json} and {@code tokenizer_config.json}. The
 * first special token both begins and ends a text; it is put before every encoded text.
 */
public final class TokenizerFiles {
  private static final ObjectMapper JSON = new ObjectMapper();

  private TokenizerFiles() {}

  /**
   * @param directory where to write; exists
   * @param chatTemplate Jinja text, or null for none
   * @param contextLength recorded as {@code model_max_length}
   */
  public static void write(
      Path directory, ByteLevelBpe bpe, String chatTemplate, int contextLength) {
    write(directory.resolve("tokenizer.json"), tokenizer(bpe));
    write(directory.resolve("tokenizer_config.json"), config(bpe, chatTemplate, contextLength));
  }

  private static void write(Path file, ObjectNode content) {
    DefaultPrettyPrinter printer =
        new DefaultPrettyPrinter()
            .withObjectIndenter(new DefaultIndenter("  ", "\n"))
            .withArrayIndenter(new DefaultIndenter("  ", "\n"));
    try {
      String text = JSON.writer(printer).writeValueAsString(content) + "\n";
      AtomicFile.write(file, text.getBytes(StandardCharsets.UTF_8));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  private static ObjectNode tokenizer(ByteLevelBpe bpe) {
    ObjectNode root = JSON.createObjectNode().put("version", "1.0");
    root.putNull("truncation");
    root.putNull("padding");
    ArrayNode added = root.putArray("added_tokens");
    for (int id = 0; id < bpe.specials().size(); id++) {
      special(added.addObject().put("id", id), bpe.specials().get(id));
    }
    root.putNull("normalizer");
    byteLevel(root.putObject("pre_tokenizer"));
    first(root.putObject("post_processor"), bpe.specials().getFirst());
    byteLevel(root.putObject("decoder"));
    model(root.putObject("model"), bpe);
    return root;
  }

  private static void special(ObjectNode node, String token) {
    node.put("content", token)
        .put("single_word", false)
        .put("lstrip", false)
        .put("rstrip", false)
        .put("normalized", false)
        .put("special", true);
  }

  private static void byteLevel(ObjectNode node) {
    node.put("type", "ByteLevel")
        .put("add_prefix_space", false)
        .put("trim_offsets", true)
        .put("use_regex", true);
  }

  /** Puts the first special token before a text, and before each text of a pair. */
  private static void first(ObjectNode node, String token) {
    node.put("type", "TemplateProcessing");
    ArrayNode single = node.putArray("single");
    part(single, "SpecialToken", token, 0);
    part(single, "Sequence", "A", 0);
    ArrayNode pair = node.putArray("pair");
    part(pair, "SpecialToken", token, 0);
    part(pair, "Sequence", "A", 0);
    part(pair, "SpecialToken", token, 1);
    part(pair, "Sequence", "B", 1);
    ObjectNode entry = node.putObject("special_tokens").putObject(token).put("id", token);
    entry.putArray("ids").add(0);
    entry.putArray("tokens").add(token);
  }

  private static void part(ArrayNode list, String kind, String id, int type) {
    list.addObject().putObject(kind).put("id", id).put("type_id", type);
  }

  private static void model(ObjectNode node, ByteLevelBpe bpe) {
    node.put("type", "BPE");
    node.putNull("dropout");
    node.putNull("unk_token");
    node.putNull("continuing_subword_prefix");
    node.putNull("end_of_word_suffix");
    node.put("fuse_unk", false).put("byte_fallback", false).put("ignore_merges", false);
    ObjectNode vocab = node.putObject("vocab");
    List<String> tokens = bpe.tokens();
    for (int id = 0; id < tokens.size(); id++) {
      vocab.put(tokens.get(id), id);
    }
    ArrayNode merges = node.putArray("merges");
    for (ByteLevelBpe.Merge merge : bpe.merges()) {
      merges.add(tokens.get(merge.left()) + " " + tokens.get(merge.right()));
    }
  }

  private static ObjectNode config(ByteLevelBpe bpe, String chatTemplate, int contextLength) {
    ObjectNode root = JSON.createObjectNode();
    String first = bpe.specials().getFirst();
    root.put("tokenizer_class", "PreTrainedTokenizerFast")
        .put("bos_token", first)
        .put("eos_token", first)
        .put("pad_token", first)
        .put("add_bos_token", true)
        .put("add_eos_token", false)
        .put("clean_up_tokenization_spaces", false)
        .put("model_max_length", contextLength);
    ObjectNode added = root.putObject("added_tokens_decoder");
    for (int id = 0; id < bpe.specials().size(); id++) {
      special(added.putObject(String.valueOf(id)), bpe.specials().get(id));
    }
    if (chatTemplate != null) {
      root.put("chat_template", chatTemplate);
    }
    return root;
  }
}
