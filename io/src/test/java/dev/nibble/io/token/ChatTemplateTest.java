package dev.nibble.io.token;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.nibble.core.ModelFormatException;
import dev.nibble.core.NibbleException;
import dev.nibble.io.token.ChatTemplate.Message;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Templates in the style of the model families, against prompts that transformers made of the same
 * templates ({@code chat/expected.json}).
 */
class ChatTemplateTest {
  private static final Map<String, String> TOKENS = Map.of("bos_token", "<s>", "eos_token", "</s>");
  private static final Path FILE = Path.of("template.jinja");

  @TempDir private Path directory;

  private static byte[] resource(String name) throws IOException {
    try (InputStream in = ChatTemplateTest.class.getResourceAsStream("chat/" + name)) {
      return in.readAllBytes();
    }
  }

  static Stream<JsonNode> cases() throws IOException {
    List<JsonNode> cases = new ArrayList<>();
    new ObjectMapper().readTree(resource("expected.json")).forEach(cases::add);
    assertThat(cases).hasSizeGreaterThan(100);
    return cases.stream();
  }

  @ParameterizedTest
  @MethodSource("cases")
  void promptIsThatOfTransformers(JsonNode expected) throws IOException {
    String source =
        new String(resource(expected.path("template").asText()), StandardCharsets.UTF_8);
    List<Message> messages = new ArrayList<>();
    JsonNode all = new ObjectMapper().readTree(resource("conversations.json"));
    for (JsonNode turn : all.path(expected.path("conversation").asText())) {
      messages.add(new Message(turn.path("role").asText(), turn.path("content").asText()));
    }
    ChatTemplate template = ChatTemplate.of(FILE, source, TOKENS);
    boolean generation = expected.path("generation").asBoolean();
    if (expected.has("refused")) {
      assertThatThrownBy(() -> template.render(messages, generation))
          .isInstanceOf(NibbleException.class)
          .hasMessageContaining(expected.path("refused").asText());
    } else {
      assertThat(template.render(messages, generation)).isEqualTo(expected.path("prompt").asText());
    }
  }

  @Test
  void templateIsFoundWhereModelsKeepIt() throws IOException {
    assertThat(ChatTemplate.fromDirectory(directory)).isEmpty();
    Path config = directory.resolve("tokenizer_config.json");
    Files.writeString(config, "{\"bos_token\": {\"content\": \"<b>\"}}");
    assertThat(ChatTemplate.fromDirectory(directory)).isEmpty();
    Files.writeString(
        config, "{\"bos_token\": {\"content\": \"<b>\"}, \"chat_template\": \"1{{bos_token}}\"}");
    assertThat(prompt(ChatTemplate.fromDirectory(directory))).isEqualTo("1<b>");
    Files.writeString(
        config,
        "{\"chat_template\": [{\"name\": \"tool_use\", \"template\": \"t\"},"
            + " {\"name\": \"default\", \"template\": \"d\"}]}");
    assertThat(prompt(ChatTemplate.fromDirectory(directory))).isEqualTo("d");
    Files.writeString(directory.resolve("chat_template.jinja"), "file\n");
    assertThat(prompt(ChatTemplate.fromDirectory(directory))).isEqualTo("file");
  }

  private static String prompt(Optional<ChatTemplate> template) {
    return template.orElseThrow().render(List.of(new Message("user", "x")), true);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{% for m in messages %}",
        "{{ messages",
        "{% if %}",
        "{% endfor %}{% nonsense %}",
        "{# open",
        "{% raw %} open",
        "{{ 1 + }}"
      })
  void damagedTemplateIsRefusedOrFailsWithOneSentence(String source) {
    assertThatThrownBy(
            () ->
                ChatTemplate.of(FILE, source, TOKENS)
                    .render(List.of(new Message("user", "x")), true))
        .isInstanceOf(NibbleException.class)
        .hasMessageStartingWith("template.jinja [chat_template]: ")
        .hasMessageNotContaining("\n");
  }

  @Test
  void syntaxErrorsOfBlocksShowWhenLoading() {
    assertThatThrownBy(() -> ChatTemplate.of(FILE, "{% for m in messages %}", TOKENS))
        .isInstanceOf(ModelFormatException.class);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{% for a in range(900) %}{% for b in range(900) %}{% for c in range(900) %}x{% endfor %}"
            + "{% endfor %}{% endfor %}",
        "{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}",
        "{% set ns = namespace(t='0123456789abcdef') %}{% for a in range(30) %}"
            + "{% set ns.t = ns.t + ns.t %}{% endfor %}{{ ns.t }}",
        "{{ messages.getClass().forName('java.lang.Runtime') }}",
        "{{ ''.getClass() }}",
        "{% include '/etc/passwd' %}"
      })
  void hostileTemplateEndsSoonAndGivesNothing(String source) {
    ChatTemplate template = ChatTemplate.of(FILE, source, TOKENS);
    assertThatThrownBy(() -> template.render(List.of(new Message("user", "x")), true))
        .isInstanceOf(NibbleException.class)
        .hasMessageStartingWith("template.jinja [chat_template]: ");
  }

  @Test
  void valuesAreNeverTemplates() {
    ChatTemplate template = ChatTemplate.of(FILE, "{{ messages[0].content }}", TOKENS);
    String text = "{{ 7 * 7 }}{% raw %}{# no #}";
    assertThat(template.render(List.of(new Message("user", text)), false)).isEqualTo(text);
  }

  @Test
  void furtherVariablesReachTheTemplate() {
    ChatTemplate template =
        ChatTemplate.of(FILE, "{% if tools %}{{ tools | tojson }}{% endif %}", TOKENS);
    List<Message> messages = List.of(new Message("user", "x"));
    assertThat(template.render(messages, false)).isEmpty();
    Object tools = List.of(Map.of("name", "add"), 3, true);
    assertThat(template.render(messages, false, Map.of("tools", tools)))
        .isEqualTo("[{\"name\": \"add\"}, 3, true]");
  }

  @Test
  void datesFollowPythonsFormats() {
    ZonedDateTime moment = ZonedDateTime.of(2024, 7, 4, 15, 6, 7, 0, ZoneOffset.UTC);
    // datetime(2024, 7, 4, 15, 6, 7).strftime(format)
    assertThat(TemplateFunctions.format("%d %b %Y|%A %B %j|%I:%M:%S %p|%y-%m %%", moment))
        .isEqualTo("04 Jul 2024|Thursday July 186|03:06:07 PM|24-07 %");
    ChatTemplate template = ChatTemplate.of(FILE, "{{ strftime_now('%Y') }}", TOKENS);
    assertThat(template.render(List.of(new Message("user", "x")), false)).matches("20\\d\\d");
  }
}
