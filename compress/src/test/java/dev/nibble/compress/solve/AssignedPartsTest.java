package dev.nibble.compress.solve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.compress.BlockRun;
import dev.nibble.compress.Step;
import dev.nibble.compress.TinyModels;
import dev.nibble.compress.allocate.Allocation;
import dev.nibble.compress.allocate.Assignment;
import dev.nibble.compress.recipe.Recipe;
import dev.nibble.compress.testing.AssignStep;
import dev.nibble.core.model.InMemoryWeights;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.tensor.BandedTensor;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.models.Site;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Weights whose rows were given specs of their own. */
class AssignedPartsTest {
  private static final ModelConfig CONFIG = TinyModels.llama(64, 32, 48, 1);
  private static final int[][] TOKENS = BlockRun.randomTokens(4, 40, 64, 3);
  private static final String Q = TensorNames.layer(0, TensorNames.Q);
  private static final List<QuantSpec> SPECS =
      List.of(QuantSpec.parse("int8:channel:sym"), QuantSpec.parse("int3:g16"));

  private static Step step(String text) {
    return Recipe.parse("steps: [ { " + text + " } ]", "test").steps().getFirst().step();
  }

  /** Every third row in the first class. */
  private static Assignment thirds(Site site) {
    return new Assignment.Rows(
        SPECS, IntStream.range(0, site.outputs()).map(r -> r % 3 == 0 ? 0 : 1).toArray());
  }

  private static BlockRun run(int threads, Step... steps) {
    return BlockRun.of(InMemoryWeights.random(CONFIG, 0.2, 5), List.of(steps), TOKENS, threads);
  }

  @ParameterizedTest
  @ValueSource(strings = {"gptq: {}", "gptq: { act_order: false }", "rtn: {}"})
  void rowsAreSolvedAsIfEachClassWereAlone(String text) {
    BlockRun mixed = run(2, new AssignStep(AssignedPartsTest::thirds), step(text));
    String key = text.substring(0, text.indexOf(':'));
    float[] found = mixed.parameters().get(Q);
    for (int k = 0; k < 2; k++) {
      String options =
          text.substring(key.length() + 1).replace("{", "{ spec: '" + SPECS.get(k) + "', ");
      float[] alone = run(2, step(key + ":" + options)).parameters().get(Q);
      for (int i = 0; i < alone.length; i++) {
        if ((i / 32 % 3 == 0) == (k == 0)) {
          assertThat(found[i]).isEqualTo(alone[i]);
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"gptq: {}", "gptq: { static_groups: false }", "rtn: {}"})
  void rowsAreStoredAsPlanned(String text) {
    Step solver = step(text);
    BlockRun run = run(2, new AssignStep(AssignedPartsTest::thirds), solver);
    assertThat(run.packed()).hasSize(7);
    run.packed()
        .forEach(
            (name, packed) -> {
              assertThat(packed).isInstanceOf(BandedTensor.class);
              long[] shape = packed.shape();
              Site site = new Site(name, Site.Kind.LINEAR, (int) shape[0], (int) shape[1]);
              Allocation allocation = new Allocation();
              allocation.assign(name, thirds(site));
              PackedTensor planned = solver.stores(site, allocation).orElseThrow().sized(shape);
              assertThat(packed.byteSize()).isEqualTo(planned.byteSize());
              assertThat(packed.typeName()).isEqualTo(planned.typeName());
              assertThat(packed.toFloats()).isEqualTo(run.parameters().get(name));
              assertThat(run.events().solved().get(name).spec())
                  .isEqualTo("rows(int8:channel:sym+int3:g16:asym)");
            });
  }

  @Test
  void bitsDoNotDependOnThreads() {
    Map<String, float[]> one =
        run(1, new AssignStep(AssignedPartsTest::thirds), step("gptq: {}")).parameters();
    Map<String, float[]> three =
        run(3, new AssignStep(AssignedPartsTest::thirds), step("gptq: {}")).parameters();
    one.forEach((site, w) -> assertThat(three.get(site)).isEqualTo(w));
  }

  @Test
  void aClassWithoutRowsIsNotStored() {
    Assignment narrow = new Assignment.Rows(SPECS, new int[32]);
    Parts parts = Parts.of(narrow, 32, 16);
    assertThat(parts.parts()).hasSize(1);
    assertThat(parts.text()).isEqualTo("int8:channel:sym");
    assertThat(parts.form(spec -> new dev.nibble.compress.StoredForm.OfSpec(spec, false)).text())
        .isEqualTo("int8:channel:sym");
  }

  @Test
  void blocksOfColumnsAreRoundedEachAtItsWidth() {
    Step assign =
        new AssignStep(
            site ->
                new Assignment.Columns(
                    List.of(QuantSpec.parse("int2:g16"), QuantSpec.parse("int8:g16:asym")),
                    16,
                    IntStream.range(0, Math.ceilDiv(site.inputs(), 16)).map(b -> b % 2).toArray()));
    BlockRun run = run(2, assign, step("rtn: {}"));
    float[] original = new float[32 * 32];
    float[] stored = run.parameters().get(Q);
    PackedTensor source = InMemoryWeights.random(CONFIG, 0.2, 5).tensor(TensorNames.weight(Q));
    source.dequantize(0, 32, original, 0);
    double[] errors = new double[2];
    for (int i = 0; i < stored.length; i++) {
      errors[i % 32 / 16] += Math.pow(stored[i] - original[i], 2);
    }
    assertThat(errors[1]).isLessThan(errors[0] / 1000);
    assertThat(Arrays.stream(errors).min().orElseThrow()).isPositive();
  }

  @Test
  void anAssignmentForAnotherSizeIsRefused() {
    assertThatThrownBy(() -> Parts.of(new Assignment.Rows(SPECS, new int[3]), 4, 8))
        .hasMessageContaining("3 classes to 4 ROWS");
  }
}
