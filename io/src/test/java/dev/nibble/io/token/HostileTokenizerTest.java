package dev.nibble.io.token;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.fail;

import dev.nibble.core.ModelFormatException;
import dev.nibble.core.NibbleException;
import dev.nibble.core.testing.Mutator;
import dev.nibble.io.token.ChatTemplate.Message;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Damaged and malicious tokenizer files give one sentence that names the file, or a tokenizer that
 * works within bounds. The system property {@code nibble.fuzz.cases} sets the number of cases over
 * all kinds of files (2,000 when absent).
 */
class HostileTokenizerTest {
  private static final int CASES = Math.max(1, Integer.getInteger("nibble.fuzz.cases", 2000) / 20);
  private static final String TEXT = "Hello, world! 12345 naïve 日本 🦙 <s>\n  the end";

  @TempDir private Path directory;

  @ParameterizedTest
  @Timeout(value = 5, unit = TimeUnit.MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
  @ValueSource(
      strings = {
        "llama3",
        "deepseek-coder",
        "added",
        "llama2",
        "gemma",
        "prefix",
        "unigram",
        "precompiled",
        "bert-uncased",
        "wordlevel"
      })
  void damagedTokenizerJson(String kind) throws IOException, URISyntaxException {
    Path source =
        Path.of(HostileTokenizerTest.class.getResource("kinds/" + kind + ".json").toURI());
    byte[] bytes = Files.readAllBytes(source);
    Mutator mutator = new Mutator(bytes, bytes.length, true);
    Path file = directory.resolve("tokenizer.json");
    int refused = 0;
    for (int seed = 0; seed < CASES; seed++) {
      Files.write(file, mutator.mutate(seed));
      refused += survives(kind, seed) ? 0 : 1;
    }
    assertThat(refused).isBetween(CASES / 10, CASES);
  }

  /** True when the file still gives a tokenizer. */
  private boolean survives(String kind, int seed) {
    Tokenizer tokenizer;
    try {
      tokenizer = Tokenizer.fromDirectory(directory);
    } catch (ModelFormatException e) {
      assertThat(e.getMessage())
          .as("%s, seed %d", kind, seed)
          .startsWith(directory.resolve("tokenizer.json").toString())
          .doesNotContain("\n", "Exception");
      return false;
    } catch (RuntimeException | Error e) {
      return fail(kind + ", seed " + seed, e);
    }
    try {
      int[] ids = tokenizer.encode(TEXT, true);
      tokenizer.decode(ids, false);
      StreamDecoder decoder = tokenizer.streamDecoder();
      for (int id : ids) {
        decoder.next(id);
      }
    } catch (NibbleException e) {
      assertThat(e.getMessage()).doesNotContain("\n");
    } catch (RuntimeException | Error e) {
      return fail(kind + ", seed " + seed, e);
    }
    return true;
  }

  @Test
  @Timeout(value = 5, unit = TimeUnit.MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
  void damagedChatTemplates() throws IOException, URISyntaxException {
    List<Message> messages = List.of(new Message("system", "Be brief."), new Message("user", "Hi"));
    for (String name : List.of("llama3", "qwen3", "constructs")) {
      Path source =
          Path.of(HostileTokenizerTest.class.getResource("chat/" + name + ".jinja").toURI());
      byte[] bytes = Files.readAllBytes(source);
      Mutator mutator = new Mutator(bytes, bytes.length, false);
      for (int seed = 0; seed < CASES; seed++) {
        String text = new String(mutator.mutate(seed), StandardCharsets.UTF_8);
        try {
          ChatTemplate.of(source, text, Map.of("bos_token", "<s>")).render(messages, true);
        } catch (NibbleException e) {
          assertThat(e.getMessage()).startsWith(source + " [chat_template]: ").doesNotContain("\n");
        } catch (RuntimeException | Error e) {
          fail(name + ", seed " + seed, e);
        }
      }
    }
  }

  private void refuses(String json, String... parts) throws IOException {
    Files.writeString(directory.resolve("tokenizer.json"), json);
    assertThatThrownBy(() -> Tokenizer.fromDirectory(directory))
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContainingAll(parts);
  }

  @Test
  void absurditiesAreNamed() throws IOException {
    refuses(
        "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":2000000000},\"merges\":[]}}",
        "model.vocab.a",
        "2000000000");
    refuses("{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":-1},\"merges\":[]}}", "model.vocab.a");
    refuses(
        "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1},\"merges\":[\"a b\"]}}",
        "merges[0]",
        "lacks");
    refuses(
        "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[\"a\"]}}",
        "merges[0]",
        "pair");
    refuses("{\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\",0]],\"unk_id\":7}}", "unk_id", "7");
    refuses("{\"model\":{\"type\":\"Magic\",\"vocab\":{\"a\":0}}}", "Magic", "BPE");
    refuses(
        "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0}},\"normalizer\":{\"type\":\"Magic\"}}",
        "normalizer",
        "Magic");
    refuses(
        "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0}},\"added_tokens\":[{\"id\":99999999,\"content\":\"x\"}]}",
        "added_tokens[0].id");
    refuses(
        "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0}},\"pre_tokenizer\":" + split("(a") + "}",
        "pre_tokenizer",
        "regular expression");
    refuses(
        "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0}},\"pre_tokenizer\":"
            + split("(".repeat(9000) + ")".repeat(9000))
            + "}",
        "pre_tokenizer");
    refuses("[".repeat(5000), "JSON");
    refuses(
        "{\"normalizer\":"
            + "{\"type\":\"Sequence\",\"normalizers\":[".repeat(900)
            + "]}".repeat(900)
            + "}",
        "");
    refuses("", "JSON");
  }

  private static String split(String regex) {
    return "{\"type\":\"Split\",\"behavior\":\"Isolated\",\"pattern\":{\"Regex\":\""
        + regex
        + "\"}}";
  }

  @ParameterizedTest
  @Timeout(value = 1, unit = TimeUnit.MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
  @ValueSource(strings = {"(a+)+b", "(a|a)*b", "(a|b|ab)*c", "(.*)*x", "(?:a?){50}a{50}b"})
  void catastrophicExpressionsEnd(String regex) throws IOException {
    String json =
        "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0}},\"pre_tokenizer\":" + split(regex) + "}";
    Files.writeString(directory.resolve("tokenizer.json"), json);
    Tokenizer tokenizer = Tokenizer.fromDirectory(directory);
    for (int length : new int[] {30, 50_000}) {
      try {
        assertThat(tokenizer.encode("a".repeat(length), true)).hasSize(length);
      } catch (NibbleException e) {
        assertThat(e.getMessage()).contains(regex, "takes too long");
      }
    }
  }

  @Test
  @Timeout(value = 1, unit = TimeUnit.MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
  void oneEndlessWordTakesLittleMoreThanLinearTime() throws IOException, URISyntaxException {
    for (String kind : List.of("llama2", "gpt2", "unigram")) {
      Path source =
          Path.of(HostileTokenizerTest.class.getResource("kinds/" + kind + ".json").toURI());
      Files.write(directory.resolve("tokenizer.json"), Files.readAllBytes(source));
      Tokenizer tokenizer = Tokenizer.fromDirectory(directory);
      String word = "theinga".repeat(100_000);
      assertThat(tokenizer.decode(tokenizer.encode(word, false), true).strip()).isEqualTo(word);
    }
  }
}
