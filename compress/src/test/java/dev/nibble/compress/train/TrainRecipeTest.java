package dev.nibble.compress.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.core.NibbleException;
import dev.nibble.core.testing.SharedData;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TrainRecipeTest {
  private static final String SOURCES = "sources: [ { name: a, path: a.txt } ]";

  private static TrainRecipe parse(String fields) {
    return TrainRecipe.parse("train: { " + fields + " }", "my.yaml");
  }

  @Test
  void hasDefaultsForAllButTheSources() {
    TrainRecipe recipe = parse(SOURCES);
    assertThat(recipe.sources()).hasSize(1);
    assertThat(recipe.sources().getFirst().format()).isEqualTo(TextSource.Format.TEXT);
    assertThat(recipe.vocabSize()).isEqualTo(4096);
    assertThat(recipe.schedule().precision()).isEqualTo(Schedule.Precision.FP32);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "name: x | my.yaml: train.sources",
        "sources: [] | my.yaml: train.sources",
        "sources: [ { path: a } ] | train.sources[0].name",
        "sources: [ { name: a } ] | train.sources[0].path",
        "sources: [ { name: a, path: b, format: pdf } ] | text, wiki, brown",
        "sources: [ { name: a, path: b, wieght: 2 } ] | wieght",
        SOURCES + ", tokenizer: { vocab: 100 } | train.tokenizer.vocab",
        SOURCES + ", model: { hidden: 100, heads: 3 } | train.model.heads",
        SOURCES + ", model: { heads: 4, kv_heads: 3 } | train.model.kv_heads",
        SOURCES + ", model: { context: 64 } | train.schedule.length",
        SOURCES + ", schedule: { batch: 6, micro_batch: 4 } | train.schedule.micro_batch",
        SOURCES + ", schedule: { steps: 10, warm_up: 10 } | train.schedule.warm_up",
        SOURCES + ", schedule: { learning_rate: fast } | train.schedule.learning_rate",
        SOURCES + ", schedule: { momentum: 1 } | momentum",
        SOURCES + ", optimizer: { } | optimizer",
      })
  void namesTheFieldThatIsWrong(String fields, String message) {
    assertThatThrownBy(() -> parse(fields))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining(message);
  }

  @Test
  void refusesAFileThatIsNoTrainingRecipe() {
    assertThatThrownBy(() -> TrainRecipe.parse("steps: [ rtn ]", "other.yaml"))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("other.yaml")
        .hasMessageContaining("train");
    assertThatThrownBy(() -> TrainRecipe.parse("train: [", "broken.yaml"))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("broken.yaml");
    assertThatThrownBy(() -> TrainRecipe.load(Path.of("no-such.yaml")))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("no-such.yaml");
  }

  @Test
  void asksForALocalFileByItsName() {
    TrainRecipe recipe = parse("sources: [ { name: a, path: '${books}', origin: a shelf } ]");
    assertThatThrownBy(() -> TrainingText.read(recipe, java.util.Map.of()))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("a shelf")
        .hasMessageContaining("--file books=PATH");
  }

  @Test
  void learningRateRisesThenFallsToItsShare() {
    Schedule schedule =
        parse(
                SOURCES
                    + ", schedule: { steps: 101, warm_up: 10, learning_rate: 1, final_rate: 0.1 }")
            .schedule();
    assertThat(schedule.rate(0)).isEqualTo(0.1, within(1e-12));
    assertThat(schedule.rate(9)).isEqualTo(1.0, within(1e-12));
    assertThat(schedule.rate(10)).isEqualTo(1.0, within(1e-12));
    assertThat(schedule.rate(55)).isEqualTo(0.55, within(1e-12));
    assertThat(schedule.rate(100)).isEqualTo(0.1, within(1e-12));
  }

  @Test
  void theBundledRecipeIsValid() {
    TrainRecipe recipe =
        TrainRecipe.load(SharedData.repositoryRoot().resolve("models/tiny-lm/train.yaml"));
    assertThat(recipe.sources().stream().map(TextSource::name).toList())
        .isEqualTo(List.of("TinyStories", "Wikipedia", "C4", "Brown"));
    assertThat(recipe.sources()).allMatch(s -> !s.origin().isEmpty() && !s.licence().isEmpty());
  }
}
