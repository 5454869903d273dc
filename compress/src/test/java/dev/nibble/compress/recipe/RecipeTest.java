package dev.nibble.compress.recipe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.compress.Step;
import dev.nibble.compress.StepFactory;
import dev.nibble.core.NibbleException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RecipeTest {

  /** A step that does nothing, with one option of each kind that matters here. */
  private record Named(String name) implements StepFactory {
    @Override
    public Taxonomy taxonomy() {
      return Taxonomy.SOLVE;
    }

    @Override
    public String summary() {
      return "";
    }

    @Override
    public String source() {
      return "";
    }

    @Override
    public Step create(OptionReader options) {
      options.integer("bits", 4, 1, 8);
      options.real("damp", 0.01, 0, 1);
      options.flag("order", false);
      options.child("inner").integer("deep", 1, 0, 9);
      return () -> Step.Needs.NOTHING;
    }
  }

  private static final StepRegistry REGISTRY =
      StepRegistry.of(List.of(new Named("round"), new Named("rotate"), new Named("solve")));

  private static Recipe parse(String yaml) {
    return Recipe.parse(yaml, "dir/my.yaml", REGISTRY);
  }

  private static void refused(String yaml, String... parts) {
    assertThatThrownBy(() -> parse(yaml))
        .isExactlyInstanceOf(NibbleException.class)
        .hasMessageStartingWith("dir/my.yaml:")
        .satisfies(
            e -> {
              assertThat(e.getMessage()).doesNotContain("\n");
              for (String part : parts) {
                assertThat(e.getMessage()).contains(part);
              }
            });
  }

  @Test
  void readsEveryField() {
    Recipe r =
        parse(
            """
            name: full
            summary: all of it
            seed: 7
            calibration: { data: notes.txt, samples: 3, length: 20 }
            steps:
              - rotate
              - solve: { bits: 3, damp: 0.1, order: true, inner: { deep: 2 } }
              - round:
            evaluate: [ perplexity ]
            export: gguf
            """);
    assertThat(r.name()).isEqualTo("full");
    assertThat(r.calibration()).isEqualTo(new Calibration("notes.txt", 3, 20, 7, 1));
    assertThat(r.steps()).extracting(RecipeStep::name).containsExactly("rotate", "solve", "round");
    assertThat(r.steps().get(1).options().get("damp").doubleValue()).isEqualTo(0.1);
    assertThat(r.evaluate()).containsExactly("perplexity");
    assertThat(r.export()).containsExactly("gguf");
  }

  @Test
  void fillsInDefaults() {
    Recipe r = parse("steps: [ round ]");
    assertThat(r.name()).isEqualTo("my");
    assertThat(r.calibration()).isEqualTo(Calibration.DEFAULT);
    assertThat(r.evaluate()).containsExactly("perplexity", "kld");
    assertThat(r.export()).containsExactly("nibble");
  }

  @Test
  void errorsNameFieldAndRemedy() {
    refused("steps: [ rond ]", "steps[0]", "\"rond\"", "did you mean round");
    refused("steps: [ zzzzzzzzzz ]", "known are rotate, round, solve");
    refused("steps: []", "steps", "1 to 64");
    refused("calibration: {}", "steps", "found none");
    refused("steps: [ { round: { bits: 9 } } ]", "steps[0].round.bits", "1 to 8", "found 9");
    refused("steps: [ { round: { damp: .nan } } ]", "line 1", ".nan");
    refused("steps: [ { round: { bitz: 3 } } ]", "steps[0].round", "bitz", "did you mean bits");
    refused("steps: [ { round: { inner: { dep: 3 } } } ]", "round.inner", "\"dep\"", "deep");
    refused("steps: [ { round: { inner: 3 } } ]", "round.inner", "map");
    refused("steps: [ { round: [ 1 ] } ]", "steps[0].round", "map of options");
    refused("steps: [ { round: {}, rotate: {} } ]", "steps[0]", "one step");
    refused("steps: [ round ]\nstep: 3", "unknown option \"step\"", "steps");
    refused("steps: [ round ]\nseed: x", "seed", "whole number");
    refused("steps: [ round ]\ncalibration: { samples: 0 }", "calibration.samples", "found 0");
    refused("steps: [ round ]\ncalibration: { data: '' }", "calibration.data", "bundled");
    refused("steps: [ round ]\nexport: { a: b }", "export", "list of texts");
    refused("- round", "a map");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "   # nothing",
        "steps: [ round",
        "steps: &a [ round ]",
        "a: &a [ x ]\nsteps: *a",
        "steps: [ round ]\nsteps: [ rotate ]",
        "steps: [ round ]\n---\nsteps: [ rotate ]",
        "steps: [ !!javax.script.ScriptEngineManager [ x ] ]",
        "\t: :\n\t-",
        "steps: [ round ]\nseed: 99999999999999999999999999",
        "<<: { steps: [ round ] }\nx: *nope",
      })
  void hostileTextIsRefusedInOneSentence(String yaml) {
    refused(yaml);
  }

  @Test
  void sizeAndDepthAreBounded() {
    refused("steps: " + "[".repeat(5000), "dir/my.yaml");
    refused("steps: " + "[".repeat(33) + "]".repeat(33), "nested");
    refused("x".repeat(YamlTree.MAX_CHARACTERS + 1), "characters");
    StringBuilder laughs = new StringBuilder("a0: &a0 [ lol, lol ]\n");
    for (int i = 1; i < 40; i++) {
      laughs.append("a%d: &a%d [ *a%d, *a%d ]\n".formatted(i, i, i - 1, i - 1));
    }
    refused(laughs + "steps: *a39", "anchor");
  }

  @Test
  void writtenRecipeReadsBackEqual() {
    Recipe r = parse("steps: [ round, { solve: { damp: 0.25, bits: 3 } } ]\nseed: -5");
    Recipe again = parse(r.toYaml());
    assertThat(again.toYaml()).isEqualTo(r.toYaml());
    assertThat(again.canonical()).isEqualTo(r.canonical());
    assertThat(r.differences(again)).isEmpty();
  }

  @Test
  void differencesNameTheField() {
    Recipe r = parse("steps: [ { solve: { bits: 3 } } ]");
    assertThat(r.differences(parse("steps: [ { solve: { bits: 2 } }, round ]\nseed: 1")))
        .containsExactly(
            "seed: was 0, now 1",
            "calibration.seed: was 0, now 1",
            "steps[0].solve.bits: was 3, now 2",
            "steps[1]: was absent, now {\"round\":{}}");
    Recipe renamed = parse("steps: [ { solve: { bits: 3 } } ]\nname: b\nexport: [ gguf ]");
    assertThat(r.differences(renamed)).isEmpty();
    assertThat(renamed.canonical()).isEqualTo(r.canonical());
  }

  @Test
  void orderOfOptionsDoesNotMatter() {
    Recipe a = parse("steps: [ { solve: { bits: 3, damp: 0.5 } } ]");
    Recipe b = parse("steps: [ { solve: { damp: 0.5, bits: 3 } } ]");
    assertThat(a.canonical()).isEqualTo(b.canonical());
  }

  @Test
  void twoStepsOfOneNameAreRefused() {
    assertThatThrownBy(() -> StepRegistry.of(List.of(new Named("a"), new Named("a"))))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("two steps are called \"a\"");
  }

  @Test
  void unknownPresetsGetAHint() {
    assertThatThrownBy(() -> Presets.load("no-such-file-or-preset.yaml"))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("neither a file nor a preset");
  }
}
