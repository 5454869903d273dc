package dev.nibble.io.gguf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.core.ModelFormatException;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.ModelConfig.Residual;
import dev.nibble.core.model.RopeConfig;
import dev.nibble.core.testing.SharedData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GgufTokenizerTest {
  private static final String BYTE_LEVEL =
      """
      {"added_tokens":[{"id":4,"content":"<end>","special":true},
                       {"id":5,"content":"<tool>","special":false}],
       "pre_tokenizer":{"type":"Sequence","pretokenizers":[
         {"type":"Split","pattern":{"Regex":"%s"},"behavior":"Isolated"},
         {"type":"ByteLevel","use_regex":false}]},
       "decoder":{"type":"ByteLevel"},
       "model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2,"Ġ":3},"merges":[["a","b"]]}}
      """;

  /** The vocabulary of 40 rows of the test configuration. */
  private final ModelConfig config =
      MapWeights.llama(1, 64, RopeConfig.plain(10000, 16), false, true);

  @TempDir Path directory;

  @Test
  void byteLevelBpe() throws IOException {
    write(BYTE_LEVEL.formatted("[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}"));
    Files.writeString(
        directory.resolve("tokenizer_config.json"), "{\"chat_template\":\"{{ messages }}\"}");
    Map<String, Object> m = convert();
    assertThat(m)
        .containsEntry("tokenizer.ggml.model", "gpt2")
        .containsEntry("tokenizer.ggml.pre", "qwen2")
        .containsEntry("tokenizer.ggml.add_bos_token", false)
        .containsEntry("tokenizer.ggml.eos_token_id", 2L)
        .containsEntry("tokenizer.ggml.merges", List.of("a b"))
        .containsEntry("tokenizer.chat_template", "{{ messages }}");
    List<?> tokens = (List<?>) m.get("tokenizer.ggml.tokens");
    assertThat(tokens).hasSize(40);
    assertThat(tokens.subList(0, 7))
        .isEqualTo(List.of("a", "b", "ab", "Ġ", "<end>", "<tool>", "[PAD6]"));
    assertThat(((List<?>) m.get("tokenizer.ggml.token_type")).subList(0, 7))
        .isEqualTo(List.of(1, 1, 1, 1, 3, 4, 5));
  }

  @Test
  void splittingRulesAreRecognized() throws IOException {
    assertThat(pre("[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}{1,3}")).isEqualTo("llama-bpe");
    assertThat(pre("[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?[\\\\p{Lu}\\\\p{Lt}]+|\\\\p{N}"))
        .isEqualTo("tekken");
    assertThatThrownBy(() -> pre("[aeiou]+"))
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContaining("[aeiou]+");
  }

  @Test
  void sentencePieceMergesBecomeScores() {
    Path source = SharedData.path("models/tinystories-656k");
    ModelConfig story = vocabulary(2048);
    Map<String, Object> m = plain(GgufTokenizer.fromDirectory(source, story));
    assertThat(m)
        .containsEntry("tokenizer.ggml.model", "llama")
        .containsEntry("tokenizer.ggml.add_space_prefix", true)
        .containsEntry("tokenizer.ggml.add_bos_token", true)
        .containsEntry("tokenizer.ggml.bos_token_id", 1L)
        .containsEntry("tokenizer.ggml.unknown_token_id", 0L);
    List<?> tokens = (List<?>) m.get("tokenizer.ggml.tokens");
    List<?> scores = (List<?>) m.get("tokenizer.ggml.scores");
    List<?> types = (List<?>) m.get("tokenizer.ggml.token_type");
    assertThat(tokens).hasSize(2048).noneMatch("[PAD5]"::equals);
    assertThat(scores.get(tokens.indexOf("e▁"))).isEqualTo(-1f);
    assertThat(scores.get(tokens.indexOf("th"))).isEqualTo(-3f);
    assertThat(types.subList(0, 4)).isEqualTo(List.of(2, 3, 3, 1));
  }

  @Test
  void byteTokensAreMarked() {
    Path source = SharedData.path("models/stories260k");
    Map<String, Object> m = plain(GgufTokenizer.fromDirectory(source, vocabulary(512)));
    assertThat(((List<?>) m.get("tokenizer.ggml.token_type")).subList(0, 4))
        .isEqualTo(List.of(2, 3, 3, 6));
  }

  @Test
  void foreignAndDamagedFilesAreRefused() throws IOException {
    for (String text :
        List.of(
            "",
            "[]",
            "{",
            "{\"model\":{\"type\":\"WordPiece\"}}",
            "{\"model\":{\"type\":\"BPE\",\"vocab\":{}}}",
            "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":40}}}",
            "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":\"b\"}}}",
            "{\"a\":".repeat(5000))) {
      write(text);
      assertThatThrownBy(this::convert)
          .as(text)
          .isInstanceOf(ModelFormatException.class)
          .hasMessageContaining("tokenizer.json");
    }
  }

  private String pre(String regex) throws IOException {
    write(BYTE_LEVEL.formatted(regex));
    return (String) convert().get("tokenizer.ggml.pre");
  }

  private void write(String json) throws IOException {
    Files.writeString(directory.resolve("tokenizer.json"), json);
  }

  private Map<String, Object> convert() {
    return plain(GgufTokenizer.fromDirectory(directory, config));
  }

  private static Map<String, Object> plain(Map<String, GgufValue> metadata) {
    return metadata.entrySet().stream()
        .collect(Collectors.toMap(Map.Entry::getKey, e -> e.getValue().plain()));
  }

  static ModelConfig vocabulary(int size) {
    return MapWeights.sized(
        "llama", size, 1, 64, 4, 2, RopeConfig.plain(10000, 16), Residual.SEQUENTIAL, false, true);
  }
}
