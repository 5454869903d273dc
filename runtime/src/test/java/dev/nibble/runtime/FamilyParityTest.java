package dev.nibble.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.core.NibbleException;
import dev.nibble.core.model.LanguageModel;
import dev.nibble.core.model.ModelWeights;
import dev.nibble.core.progress.Progress;
import dev.nibble.core.testing.FamilyFixtures;
import dev.nibble.core.testing.FamilyFixtures.Fixture;
import dev.nibble.io.gguf.GgufExport;
import dev.nibble.io.gguf.GgufExportOptions;
import dev.nibble.io.model.OpenedModel;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every family gives the logits of the reference implementation. */
class FamilyParityTest {
  /** Families and rules that GGUF has no words for. */
  private static final Set<String> NOT_IN_GGUF =
      Set.of(
          "opt",
          "opt-post-norm",
          "falcon-rw",
          "llama-dynamic",
          "qwen2_moe-sparse-step",
          "deepseek-sigmoid",
          "gemma2-scaled",
          "gemma3-pattern");

  @TempDir Path directory;

  static List<Fixture> fixtures() {
    return FamilyFixtures.all();
  }

  @ParameterizedTest
  @MethodSource("fixtures")
  void logitsEqualTheReference(Fixture fixture) {
    assertThat(worstDifference(fixture, fixture.directory())).isLessThanOrEqualTo(1e-4f);
  }

  /** The same through a GGUF file, for what GGUF can say. */
  @ParameterizedTest
  @MethodSource("fixtures")
  void logitsSurviveTheWayThroughGguf(Fixture fixture) {
    Path file = directory.resolve(fixture + ".gguf");
    GgufExportOptions options = GgufExportOptions.asStored();
    try (OpenedModel model = OpenedModel.open(fixture.directory())) {
      ModelWeights weights = model.weights();
      if (NOT_IN_GGUF.contains(fixture.toString())) {
        assertThatThrownBy(() -> GgufExport.plan(weights, options))
            .isInstanceOf(NibbleException.class);
        return;
      }
      GgufExport.write(weights, Map.of(), options, file, Progress.SILENT);
    }
    assertThat(worstDifference(fixture, file)).isLessThanOrEqualTo(1e-4f);
  }

  private static float worstDifference(Fixture fixture, Path path) {
    OpenedModel opened = OpenedModel.open(path);
    int length = fixture.tokens().length;
    boolean beyond = length > opened.weights().config().maxPositions();
    RuntimeOptions options = RuntimeOptions.DEFAULT.withContextLength(beyond ? length : 0);
    try (TextModel model = TextModel.of(opened.weights(), options);
        LanguageModel language = model.asLanguageModel()) {
      return fixture.worstDifference(language);
    }
  }
}
