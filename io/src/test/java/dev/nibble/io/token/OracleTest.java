package dev.nibble.io.token;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.huggingface.tokenizers.Encoding;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import dev.nibble.core.testing.SharedData;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Hugging Face's own library says the same. */
class OracleTest {

  @ParameterizedTest
  @ValueSource(strings = {"tinystories-656k", "stories260k", "all-minilm-l6-v2-fp16"})
  void idsOfSharedModels(String model) throws IOException {
    Path directory = SharedData.path("models/" + model);
    Tokenizer ours = Tokenizer.fromDirectory(directory);
    try (HuggingFaceTokenizer theirs =
        HuggingFaceTokenizer.newInstance(
            directory.resolve("tokenizer.json"),
            Map.of("truncation", "false", "padding", "false"))) {
      for (String text :
          new String[] {"Hello world", "Once upon a time, there was a dog.", "", " ", "日本"}) {
        Encoding encoding = theirs.encode(text, true, false);
        int[] ids = Arrays.stream(encoding.getIds()).mapToInt(Math::toIntExact).toArray();
        assertThat(ours.encode(text, true)).as(text).isEqualTo(ids);
      }
    }
  }
}
