package dev.nibble.io.token;

import com.fasterxml.jackson.databind.JsonNode;
import dev.nibble.core.ModelFormatException;
import dev.nibble.io.gguf.GgufFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A model's way of writing a conversation as one prompt: a Jinja template, rendered as Hugging Face
 * does. Time, nesting and output are bounded, so that a hostile template is an error. Immutable and
 * thread-safe.
 */
public final class ChatTemplate {
  private static final int MAX_LENGTH = 1 << 20;

  private final Path file;
  private final String source;
  private final Map<String, Object> tokens;

  private ChatTemplate(Path file, String source, Map<String, Object> tokens) {
    this.file = file;
    this.source = source;
    this.tokens = Map.copyOf(tokens);
  }

  /**
   * One turn of a conversation.
   *
   * @param role {@code system}, {@code user} or {@code assistant}; some templates know others
   * @param content what was said
   */
  public record Message(String role, String content) {}

  /**
   * A template given as text.
   *
   * @param file where it comes from, for messages
   * @param tokens special tokens by role, such as {@code bos_token}
   * @throws ModelFormatException when the template does not parse
   */
  public static ChatTemplate of(Path file, String source, Map<String, String> tokens) {
    if (source.length() > MAX_LENGTH) {
      throw new ModelFormatException(
          file, "chat_template", "has more than " + MAX_LENGTH + " characters");
    }
    JinjaDialect.check(source)
        .ifPresent(
            problem -> {
              throw new ModelFormatException(
                  file, "chat_template", "is not a template Nibble can follow: " + problem);
            });
    return new ChatTemplate(file, source, new HashMap<>(tokens));
  }

  /**
   * The template in {@code chat_template.jinja}, {@code chat_template.json} or {@code
   * tokenizer_config.json} (of several named ones the default); empty when there is none.
   *
   * @throws ModelFormatException when a file is damaged or the template does not parse
   */
  public static Optional<ChatTemplate> fromDirectory(Path directory) {
    Settings settings = Settings.read(directory);
    Map<String, String> tokens = new HashMap<>();
    for (String role : List.of("bos_token", "eos_token", "unk_token", "pad_token")) {
      settings.token(role).ifPresent(token -> tokens.put(role, token));
    }
    Path separate = directory.resolve("chat_template.jinja");
    if (Files.exists(separate)) {
      String source = new String(Part.bytes(separate), StandardCharsets.UTF_8);
      return Optional.of(of(separate, source, tokens));
    }
    Path json = directory.resolve("chat_template.json");
    Path file = Files.exists(json) ? json : directory.resolve("tokenizer_config.json");
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    return choose(Part.read(file)).map(source -> of(file, source, tokens));
  }

  private static Optional<String> choose(Part part) {
    JsonNode template = part.node().path("chat_template");
    if (template.isArray()) {
      List<Part> named = part.list("chat_template");
      for (Part one : named) {
        if (one.text("name", "").equals("default")) {
          return Optional.of(one.text("template"));
        }
      }
      return named.isEmpty() ? Optional.empty() : Optional.of(named.getFirst().text("template"));
    }
    return part.lacks("chat_template") ? Optional.empty() : Optional.of(part.text("chat_template"));
  }

  /**
   * The template in a GGUF file's metadata; empty when there is none.
   *
   * @throws ModelFormatException when the template does not parse
   */
  public static Optional<ChatTemplate> fromGguf(GgufFile file) {
    Optional<String> source = file.string("tokenizer.chat_template");
    if (source.isEmpty()) {
      return Optional.empty();
    }
    Map<String, String> tokens = new HashMap<>();
    for (String role : List.of("bos", "eos", "unknown", "padding")) {
      Object id = file.metadata().get("tokenizer.ggml." + role + "_token_id");
      Object list = file.metadata().get("tokenizer.ggml.tokens");
      if (id instanceof Number number
          && list instanceof List<?> all
          && number.longValue() >= 0
          && number.longValue() < all.size()) {
        String name = role.equals("unknown") ? "unk" : role.equals("padding") ? "pad" : role;
        tokens.put(name + "_token", String.valueOf(all.get(number.intValue())));
      }
    }
    return Optional.of(of(file.path(), source.get(), tokens));
  }

  /** The prompt of a conversation. See {@link #render(List, boolean, Map)}. */
  public String render(List<Message> messages, boolean addGenerationPrompt) {
    return render(messages, addGenerationPrompt, Map.of());
  }

  /**
   * The prompt of a conversation, special tokens written out.
   *
   * @param addGenerationPrompt whether to end with the opening of the assistant's next turn
   * @param variables further values the template may ask for ({@code enable_thinking}, …): texts,
   *     numbers, truth values, lists and maps of these
   * @throws ModelFormatException when the template refuses the conversation, fails, or exceeds its
   *     bounds
   */
  public String render(
      List<Message> messages, boolean addGenerationPrompt, Map<String, Object> variables) {
    List<Object> turns = new ArrayList<>();
    for (Message message : messages) {
      Map<String, Object> turn = new LinkedHashMap<>();
      turn.put("role", message.role());
      turn.put("content", message.content());
      turns.add(turn);
    }
    Map<String, Object> values = new HashMap<>(tokens);
    values.putAll(variables);
    values.put("messages", turns);
    values.put("add_generation_prompt", addGenerationPrompt);
    try {
      return JinjaDialect.render(source, values);
    } catch (JinjaFailure e) {
      throw new ModelFormatException(file, "chat_template", e.getMessage(), e);
    }
  }

  /** The template's text. */
  public String source() {
    return source;
  }
}
