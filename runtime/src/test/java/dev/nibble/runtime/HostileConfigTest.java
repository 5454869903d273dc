package dev.nibble.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.core.NibbleException;
import dev.nibble.core.model.LanguageModel;
import dev.nibble.core.testing.FamilyFixtures;
import dev.nibble.core.testing.FamilyFixtures.Fixture;
import dev.nibble.core.testing.Mutator;
import dev.nibble.io.model.OpenedModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A damaged configuration that still opens runs, or is refused in words; it never breaks the
 * engine.
 */
class HostileConfigTest {
  private static final int CASES = Integer.getInteger("nibble.fuzz.cases", 2000) / 100;

  @TempDir Path directory;

  static List<Fixture> fixtures() {
    return FamilyFixtures.all();
  }

  @ParameterizedTest
  @MethodSource("fixtures")
  @Timeout(value = 30, unit = TimeUnit.MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
  void whatOpensRuns(Fixture fixture) throws IOException {
    Path weights = fixture.directory().resolve("model.safetensors");
    Files.copy(weights, directory.resolve("model.safetensors"));
    byte[] config = Files.readAllBytes(fixture.directory().resolve("config.json"));
    Mutator mutator = new Mutator(config, config.length, true);
    for (int seed = 0; seed < CASES; seed++) {
      Files.write(directory.resolve("config.json"), mutator.mutate(seed));
      try {
        assertThat(finishes()).as("a row of logits").isPositive();
      } catch (NibbleException e) {
        assertThat(e.getMessage()).isNotBlank();
      } catch (RuntimeException | Error e) {
        throw new AssertionError(fixture + " with seed " + seed, e);
      }
    }
  }

  /** Rows of logits that three tokens gave. */
  private int finishes() {
    OpenedModel opened = OpenedModel.open(directory);
    int[] rows = new int[1];
    RuntimeOptions options = RuntimeOptions.DEFAULT.withThreads(1);
    try (TextModel model = TextModel.of(opened.weights(), options);
        LanguageModel language = model.asLanguageModel()) {
      int length = Math.min(3, language.contextLength());
      language.logits(new int[length], 0, (position, row, offset) -> rows[0]++);
    }
    return rows[0];
  }
}
