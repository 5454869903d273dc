package dev.nibble.compress.recipe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import dev.nibble.core.NibbleException;
import dev.nibble.core.testing.Mutator;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Damaged recipes are refused by one sentence or still mean something, never worse. {@code
 * nibble.fuzz.cases} sets the number of cases.
 */
class HostileRecipeTest {
  private static final int CASES = Integer.getInteger("nibble.fuzz.cases", 2000) / 8;

  @ParameterizedTest
  @ValueSource(strings = {"default", "awq-gptq-w3-g64", "quarot-w4a4", "smoothquant-w8a8-static"})
  void damagedRecipesAreRefusedInOneSentence(String preset) {
    byte[] whole = Presets.load(preset).toYaml().getBytes(StandardCharsets.UTF_8);
    Mutator mutator = new Mutator(whole, whole.length, true);
    int refused =
        Assertions.assertTimeoutPreemptively(
            Duration.ofMinutes(10),
            () -> {
              int count = 0;
              for (int seed = 0; seed < CASES; seed++) {
                count += refused(mutator.mutate(seed), seed) ? 1 : 0;
              }
              return count;
            });
    assertThat(refused).as("cases that were refused").isGreaterThan(CASES / 4);
  }

  private static boolean refused(byte[] damaged, int seed) {
    try {
      Recipe.parse(new String(damaged, StandardCharsets.UTF_8), "damaged.yaml");
      return false;
    } catch (NibbleException e) {
      assertThat(e.getMessage()).as("seed %d", seed).contains("damaged.yaml");
      assertThat(e.getMessage().lines()).as("seed %d", seed).hasSize(1);
      return true;
    } catch (RuntimeException | StackOverflowError | OutOfMemoryError e) {
      return fail("seed " + seed + ": " + e, e);
    }
  }
}
