package dev.nibble.compress.tune;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.compress.BlockRun;
import dev.nibble.compress.RecordedEvents;
import dev.nibble.compress.TinyModels;
import dev.nibble.compress.recipe.Recipe;
import dev.nibble.compress.recipe.RecipeStep;
import dev.nibble.core.NibbleException;
import dev.nibble.core.model.InMemoryWeights;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.tensor.CodebookTensor;
import dev.nibble.core.tensor.PackedTensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The step {@code pv} on a model whose random weights are the teacher. */
class PvTuningTest {
  private static final ModelConfig CONFIG = TinyModels.llama(48, 32, 48, 2);
  private static final int[][] TOKENS = BlockRun.randomTokens(24, 24, 48, 3);
  private static final String CODEBOOKS =
      "aqlm: { num_codebooks: 1, nbits_per_codebook: 5, max_epochs: 0, init_max_iter: 10,"
          + " finetune_max_epochs: 0 }";
  private static final String GRID = "rtn: { spec: 'int2:g16' }";
  private static final String FINE = "rtn: { spec: 'int8:g16' }";

  private static BlockRun run(String solver, String options, int threads) {
    Recipe recipe =
        Recipe.parse("steps: [ { " + solver + " }, { pv: { " + options + " } } ]", "test");
    return BlockRun.of(
        InMemoryWeights.random(CONFIG, 0.3, 5),
        recipe.steps().stream().map(RecipeStep::step).toList(),
        TOKENS,
        threads);
  }

  private static BlockRun run(String solver, String options) {
    return run(solver, options, 2);
  }

  /** Held-out KL before, after, and percent of codes changed. */
  private static double[] result(BlockRun run) {
    RecordedEvents.Recorded event = run.events().of("pv.result").getFirst();
    double[] numbers =
        Arrays.stream(event.what().replaceAll("^.*held-out KL", "").split("[ ,]+"))
            .filter(word -> word.matches("[0-9].*"))
            .mapToDouble(Double::parseDouble)
            .toArray();
    assertThat(numbers).hasSize(3);
    return numbers;
  }

  /** Sheet 31, acceptance 4, on a toy: more freedom is closer to the teacher. */
  @ParameterizedTest
  @ValueSource(strings = {CODEBOOKS, GRID})
  void theLadderIsInOrder(String solver) {
    String common = "steps: 60, eval_every: 10, batch: 8, code_lr: 0.03, lr: 2e-3, strategy: ";
    double[] values = result(run(solver, common + "continuous_only"));
    double[] naive = result(run(solver, common + "naive_linearized"));
    double[] full = result(run(solver, common + "subspace_buffers"));
    assertThat(values[1]).isLessThan(values[0]);
    assertThat(full[1]).isLessThan(values[1]);
    assertThat(values[2]).isZero();
    assertThat(full[2]).isPositive();
    // no code changes to speak of, and so no gain
    assertThat(naive[2]).isLessThan(full[2] / 3);
  }

  @ParameterizedTest
  @ValueSource(strings = {CODEBOOKS, GRID})
  void typesAndSizesStayAndValuesAreThoseStored(String solver) {
    Map<String, PackedTensor> before = run(solver, "strategy: none").packed();
    BlockRun tuned = run(solver, "steps: 10, eval_every: 5, lr: 2e-3");
    tuned
        .packed()
        .forEach(
            (site, tensor) -> {
              assertThat(tensor.typeName()).isEqualTo(before.get(site).typeName());
              assertThat(tensor.byteSize()).isEqualTo(before.get(site).byteSize());
              assertThat(tensor.toFloats()).isEqualTo(tuned.parameters().get(site));
            });
  }

  @Test
  void withoutAShareOfCodesItIsContinuousOnlyBitForBit() {
    String common = "steps: 10, eval_every: 5, lr: 2e-3, ";
    BlockRun none = run(CODEBOOKS, common + "max_code_change_per_step: 0");
    BlockRun values = run(CODEBOOKS, common + "strategy: continuous_only");
    none.packed().forEach((site, tensor) -> assertSame(tensor, values.packed().get(site)));
    assertThat(result(none)[2]).isZero();
  }

  @ParameterizedTest
  @ValueSource(strings = {CODEBOOKS, GRID})
  void bitsDoNotDependOnThreads(String solver) {
    String options = "steps: 6, eval_every: 3, lr: 2e-3, code_selection_temperature: 1";
    BlockRun one = run(solver, options, 1);
    BlockRun three = run(solver, options, 3);
    one.packed().forEach((site, tensor) -> assertSame(tensor, three.packed().get(site)));
  }

  private static void assertSame(PackedTensor a, PackedTensor b) {
    assertThat(a.toFloats()).isEqualTo(b.toFloats());
    if (a instanceof CodebookTensor one && b instanceof CodebookTensor two) {
      assertThat(mismatch(one.codes(), two.codes())).isEqualTo(-1);
    }
  }

  private static long mismatch(MemorySegment a, MemorySegment b) {
    return a.mismatch(b);
  }

  @Test
  void theBestStateIsKeptWhenTrainingDoesHarm() {
    BlockRun harmed = run(FINE, "steps: 4, eval_every: 2, lr: 0.5, code_lr: 1");
    Map<String, PackedTensor> before = new TreeMap<>(run(FINE, "strategy: none").packed());
    assertThat(result(harmed)[1]).isEqualTo(result(harmed)[0]);
    harmed.packed().forEach((site, tensor) -> assertSame(tensor, before.get(site)));
  }

  @Test
  void aModelWithoutTrainableWeightsIsRefused() {
    assertThatThrownBy(() -> run("rtn: { spec: 'nf4:g16' }", "steps: 1"))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("aqlm or gptq");
  }
}
