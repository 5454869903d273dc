package dev.nibble.compress.recipe;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.compress.StepFactory;
import dev.nibble.core.testing.SharedData;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A method is not done without a preset, a page, a test, and a place in the taxonomy. */
class MethodsTest {

  static List<StepFactory> factories() {
    return StepRegistry.load().all();
  }

  @ParameterizedTest
  @MethodSource("factories")
  void hasAPreset(StepFactory factory) {
    assertThat(Presets.names())
        .as("presets with a step %s", factory.name())
        .anyMatch(
            preset ->
                Presets.load(preset).steps().stream()
                    .anyMatch(step -> step.name().equals(factory.name())));
  }

  @ParameterizedTest
  @MethodSource("factories")
  void hasAPage(StepFactory factory) {
    Path page =
        SharedData.repositoryRoot()
            .resolve("docs/methods")
            .resolve(factory.name().replace('_', '-') + ".md");
    assertThat(page).isRegularFile().content().contains("## Options", "## Source");
  }

  @ParameterizedTest
  @MethodSource("factories")
  void hasATest(StepFactory factory) throws IOException {
    Path tests =
        SharedData.repositoryRoot()
            .resolve("compress/src/test/java")
            .resolve(factory.getClass().getPackageName().replace('.', '/'));
    try (Stream<Path> files = Files.list(tests)) {
      assertThat(files.filter(f -> f.toString().endsWith(".java")))
          .as("tests in %s that name the step %s", tests, factory.name())
          .anyMatch(file -> text(file).matches("(?s).*\\b" + factory.name() + "\\b.*"));
    }
  }

  @ParameterizedTest
  @MethodSource("factories")
  void livesInThePackageOfItsTaxonomyAndSaysWhatItIs(StepFactory factory) {
    assertThat(factory.getClass().getPackageName())
        .endsWith("." + factory.taxonomy().name().toLowerCase(Locale.ROOT));
    assertThat(factory.summary()).isNotBlank();
    assertThat(factory.source()).isNotBlank();
  }

  private static String text(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
