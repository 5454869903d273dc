package dev.nibble.compress.solve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.compress.BlockRun;
import dev.nibble.compress.RecordedEvents;
import dev.nibble.compress.TinyModels;
import dev.nibble.compress.recipe.Recipe;
import dev.nibble.compress.recipe.RecipeStep;
import dev.nibble.core.NibbleException;
import dev.nibble.core.model.InMemoryWeights;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.spec.Granularity;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.tensor.AffineTensor;
import dev.nibble.core.tensor.BandedTensor;
import dev.nibble.core.tensor.OutlierTensor;
import dev.nibble.core.tensor.PackedTensor;
import java.util.Map;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

/** The solvers' contract for {@code quantease}, and how it follows another solver. */
class QuantEaseStepTest extends SolverContract {
  private static final ModelConfig CONFIG = TinyModels.llama(64, 32, 48, 1);
  private static final int[][] TOKENS = BlockRun.randomTokens(4, 40, 64, 3);

  @Override
  protected String step() {
    return "quantease";
  }

  @Override
  protected byte[] solveAgain(AffineTensor solved, QuantSpec spec) {
    return QuantEaseCases.solveAgain(solved, spec, false);
  }

  /** From GPTQ's result, largest inputs first. */
  @Nested
  class FromGptq extends SolverContract {
    @Override
    protected String step() {
      return "quantease";
    }

    @Override
    protected ObjectNode options() {
      return super.options().put("init", "gptq").put("act_order", true).put("iterations", 4);
    }

    @Override
    protected byte[] solveAgain(AffineTensor solved, QuantSpec spec) {
      return QuantEaseCases.solveAgain(solved, spec, true);
    }
  }

  /** Groups of columns in the order of the sweeps, with a stored index. */
  @Nested
  class IndexedGroups extends SolverContract {
    @Override
    protected String step() {
      return "quantease";
    }

    @Override
    protected ObjectNode options() {
      return super.options()
          .put("init", "rtn")
          .put("act_order", true)
          .put("static_groups", false)
          .put("relax_every", 0);
    }

    @Override
    protected byte[] solveAgain(AffineTensor solved, QuantSpec spec) {
      return QuantEaseCases.solveAgain(solved, spec, true);
    }
  }

  /** Some weights apart: stored beside the codes. */
  @Nested
  class Outliers extends SolverContract {
    @Override
    protected String step() {
      return "quantease";
    }

    @Override
    protected ObjectNode options() {
      return super.options().put("outliers", 0.02).put("iterations", 9);
    }

    @Override
    protected String storedText(QuantSpec spec) {
      return spec.text() + "+sparse";
    }

    @Override
    protected byte[] solveAgain(AffineTensor solved, QuantSpec spec) {
      return QuantEaseCases.solveAgain(solved, spec, false);
    }

    @Override
    protected void requireFixed(PackedTensor packed, QuantSpec spec) {
      super.requireFixed(((OutlierTensor) packed).base(), spec);
    }
  }

  /** Whole columns apart. */
  @Nested
  class OutlierColumns extends SolverContract {
    @Override
    protected String step() {
      return "quantease";
    }

    @Override
    protected ObjectNode options() {
      return super.options()
          .put("outliers", 0.05)
          .put("structure", "columns")
          .put("init", "rtn")
          .put("iterations", 5);
    }

    @Override
    protected String storedText(QuantSpec spec) {
      return spec.granularity() == Granularity.GROUP
          ? spec.text() + "+sparse"
          : "columns(" + spec.text() + "+f16)";
    }

    @Override
    protected byte[] solveAgain(AffineTensor solved, QuantSpec spec) {
      return QuantEaseCases.solveAgain(solved, spec, false);
    }

    @Override
    protected void requireFixed(PackedTensor packed, QuantSpec spec) {
      super.requireFixed(
          packed instanceof OutlierTensor o ? o.base() : ((BandedTensor) packed).bands().getFirst(),
          spec);
    }
  }

  @Test
  void noOutliersIsTheBasicAlgorithm() {
    BlockRun none = run("quantease: { spec: int3:channel, outliers: 0 }");
    BlockRun basic = run("quantease: { spec: int3:channel }");
    basic
        .parameters()
        .forEach((site, w) -> assertThat(none.parameters().get(site)).as(site).isEqualTo(w));
  }

  @Test
  void outliersStartFromGridsOfTheirOwn() {
    assertThatThrownBy(() -> run("quantease: { spec: int3:g16, outliers: 0.01, init: gptq }"))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("init: fp or rtn");
  }

  private static BlockRun run(String steps) {
    Recipe recipe = Recipe.parse("steps: [ " + steps + " ]", "test");
    return BlockRun.of(
        InMemoryWeights.random(CONFIG, 0.2, 5),
        recipe.steps().stream().map(RecipeStep::step).toList(),
        TOKENS,
        2);
  }

  @Test
  void refinesWhatTheStepBeforeStoredOnItsGrids() {
    String spec = "{ spec: int3:g16, true_sequential: false";
    BlockRun gptq = run("gptq: " + spec + ", act_order: true, static_groups: false }");
    BlockRun both =
        run(
            "{ gptq: "
                + spec
                + ", act_order: true, static_groups: false } }, { quantease: "
                + spec
                + ", init: previous } }");
    Map<String, RecordedEvents.Solved> before = gptq.events().solved();
    both.events()
        .solved()
        .forEach(
            (site, solved) -> {
              AffineTensor first = (AffineTensor) gptq.packed().get(site);
              AffineTensor second = (AffineTensor) both.packed().get(site);
              assertThat(second.scales().mismatch(first.scales())).isEqualTo(-1);
              assertThat(second.groupIndex().mismatch(first.groupIndex())).isEqualTo(-1);
              assertThat(solved.relativeError())
                  .as(site)
                  .isLessThan(before.get(site).relativeError());
            });
  }

  @Test
  void withoutAResultToStartFromItSaysWhatToDo() {
    assertThatThrownBy(() -> run("quantease: { spec: int3:g16, init: previous }"))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("init: gptq");
    assertThatThrownBy(
            () ->
                run(
                    "{ rtn: { spec: int4:g16 } }, { quantease: { spec: int3:g16, init: previous }"
                        + " }"))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("int3:g16")
        .hasMessageContaining("int4:g16");
  }

  @Test
  void tablesAreRefusedWithARemedy() {
    assertThatThrownBy(() -> run("quantease: { spec: nf4:g64 }"))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("steps[0].quantease")
        .hasMessageContaining("rtn");
  }
}
