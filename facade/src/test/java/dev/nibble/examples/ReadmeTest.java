package dev.nibble.examples;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.QuantizationResult;
import dev.nibble.core.testing.SharedData;
import dev.nibble.runtime.Generated;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The README shows what is compiled here, and it runs on the bundled model. */
class ReadmeTest {
  private static final Path ROOT = SharedData.repositoryRoot();

  @TempDir private Path dir;

  @ParameterizedTest
  @CsvSource({"Quantizing, quantize", "Generating, generate"})
  void readmeShowsTheCompiledExample(String file, String region) throws IOException {
    String source =
        Files.readString(
            ROOT.resolve("facade/src/test/java/dev/nibble/examples/" + file + ".java"));
    int from = source.indexOf("// README: " + region);
    int to = source.indexOf("// README: end", from);
    String code = source.substring(source.indexOf('\n', from) + 1, to).stripIndent().strip();
    String readme = Files.readString(ROOT.resolve("README.md"));
    assertThat(readme.replaceAll("(?m)^ +", "")).contains(code.replaceAll("(?m)^ +", ""));
  }

  @Test
  void examplesRunOnTheBundledModel() {
    Path model = ROOT.resolve("models/tiny-lm");
    Path output = dir.resolve("tiny-w4");
    QuantizationResult result = Quantizing.quantize(model, output);
    assertThat(result.provenance().bitsPerWeight()).isLessThan(16);
    Generated story = Generating.generate(output);
    assertThat(story.tokens()).isPositive();
    assertThat(story.text()).isNotBlank();
  }
}
