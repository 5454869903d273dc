package dev.nibble.io.gguf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import dev.nibble.core.NibbleException;
import dev.nibble.core.progress.Progress;
import dev.nibble.core.testing.Mutator;
import dev.nibble.io.token.Texts;
import dev.nibble.io.token.Tokenizer;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.text.Normalizer;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A tokenizer written to GGUF and read back gives the ids of the one it was made from. */
class GgufTokenizerReadTest {
  @TempDir Path directory;

  private Path export(String kind) throws IOException, URISyntaxException {
    Path json = Path.of(Texts.class.getResource("kinds/" + kind + ".json").toURI());
    Files.copy(json, directory.resolve("tokenizer.json"));
    int size = Tokenizer.fromDirectory(directory).vocabSize();
    Path file = directory.resolve("model.gguf");
    GgufWriter.write(
        file,
        GgufTokenizer.fromDirectory(directory, GgufTokenizerTest.vocabulary(size)),
        List.of(),
        Progress.SILENT);
    return file;
  }

  @ParameterizedTest
  @ValueSource(strings = {"gpt2", "llama3", "qwen2", "smollm", "cased", "llama2", "gemma"})
  void idsSurviveTheFormat(String kind) throws IOException, URISyntaxException {
    Path path = export(kind);
    Tokenizer source = Tokenizer.fromDirectory(directory);
    try (GgufFile file = GgufFile.open(path)) {
      Tokenizer read = Tokenizer.fromGguf(file);
      for (String any : Texts.many(100)) {
        // GGUF has no place for Qwen's normalizer.
        String text = Normalizer.normalize(any, Normalizer.Form.NFC);
        int[] ids = source.encode(text, true);
        assertThat(read.encode(text, true)).as("ids of '%s'", text).isEqualTo(ids);
        assertThat(read.decode(ids, true)).isEqualTo(source.decode(ids, true));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"gpt2", "llama2", "unigram"})
  void damagedMetadataIsNamed(String kind) throws IOException, URISyntaxException {
    Path path = export(kind);
    byte[] bytes = Files.readAllBytes(path);
    Mutator mutator = new Mutator(bytes, bytes.length, false);
    for (int seed = 0; seed < 100; seed++) {
      Files.write(path, mutator.mutate(seed));
      try (GgufFile file = GgufFile.open(path)) {
        Tokenizer tokenizer = Tokenizer.fromGguf(file);
        tokenizer.decode(tokenizer.encode("Hello, world 123 🦙", true), false);
      } catch (NibbleException e) {
        assertThat(e.getMessage()).doesNotContain("\n");
      } catch (RuntimeException | Error e) {
        fail(kind + ", seed " + seed, e);
      }
    }
  }
}
