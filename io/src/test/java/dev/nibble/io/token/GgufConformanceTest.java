package dev.nibble.io.token;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.core.testing.SharedData;
import dev.nibble.io.gguf.GgufFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Every string of llama.cpp's vocabulary tests gives exactly the expected ids. */
class GgufConformanceTest {
  private static final String SEPARATOR = "\n__ggml_vocab_test__\n";

  @ParameterizedTest
  @ValueSource(strings = {"gpt-2", "llama-spm", "bert-bge", "deepseek-coder", "starcoder"})
  void idsAreTheExpectedOnes(String name) throws IOException {
    Path path = SharedData.path("models/tokenizers-gguf/ggml-vocab-" + name + ".gguf");
    List<String> inputs = List.of(Files.readString(Path.of(path + ".inp")).split(SEPARATOR, -1));
    List<String> expected = Files.readAllLines(Path.of(path + ".out"));
    try (GgufFile file = GgufFile.open(path)) {
      Tokenizer tokenizer = Tokenizer.fromGguf(file);
      for (int i = 0; i < expected.size(); i++) {
        String ids =
            Arrays.stream(tokenizer.encode(inputs.get(i), false))
                .mapToObj(id -> " " + id)
                .collect(Collectors.joining());
        assertThat(ids).as("'%s'", inputs.get(i)).isEqualTo(expected.get(i));
      }
      assertThat(expected).hasSizeGreaterThan(40);
    }
  }
}
