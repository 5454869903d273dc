package dev.nibble.io.token;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import dev.nibble.core.testing.SharedData;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Hugging Face's own library gives the same ids and the same text, on real models and on a small
 * {@code tokenizer.json} of each kind ({@code kinds/}).
 */
class OracleTest {
  private static final int RANDOM_TEXTS = 400;

  @TempDir private Path directory;

  static Stream<String> kinds() throws IOException, URISyntaxException {
    Path kinds = Path.of(OracleTest.class.getResource("kinds").toURI());
    try (Stream<Path> files = Files.list(kinds)) {
      List<String> names = files.map(f -> f.getFileName().toString()).sorted().toList();
      assertThat(names).hasSizeGreaterThan(20);
      return names.stream();
    }
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void kind(String name) throws IOException, URISyntaxException {
    Path file = Path.of(OracleTest.class.getResource("kinds/" + name).toURI());
    Files.copy(file, directory.resolve("tokenizer.json"));
    compare(directory);
  }

  @ParameterizedTest
  @ValueSource(strings = {"tinystories-656k", "stories260k", "all-minilm-l6-v2-fp16"})
  void sharedModel(String model) throws IOException {
    compare(SharedData.path("models/" + model));
  }

  @Test
  void bundledModel() throws IOException {
    compare(SharedData.repositoryRoot().resolve("models/tiny-lm"));
  }

  private static void compare(Path directory) throws IOException {
    Tokenizer ours = Tokenizer.fromDirectory(directory);
    Map<String, String> plain = Map.of("truncation", "false", "padding", "false");
    try (HuggingFaceTokenizer theirs =
        HuggingFaceTokenizer.newInstance(directory.resolve("tokenizer.json"), plain)) {
      for (String text : Texts.many(RANDOM_TEXTS)) {
        String clean = Characters.wellFormed(text);
        for (boolean special : new boolean[] {true, false}) {
          long[] expected = theirs.encode(clean, special, false).getIds();
          int[] ids = ours.encode(text, special);
          assertThat(ids)
              .as("ids of '%s'", clean)
              .isEqualTo(Arrays.stream(expected).mapToInt(Math::toIntExact).toArray());
          assertThat(ours.decode(ids, special))
              .as("text of %s, made of '%s'", Arrays.toString(ids), clean)
              .isEqualTo(theirs.decode(expected, special));
        }
      }
    }
  }
}
