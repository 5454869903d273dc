package dev.nibble.compress.solve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.compress.BlockRun;
import dev.nibble.compress.RecordedEvents;
import dev.nibble.compress.Step;
import dev.nibble.compress.StoredForm;
import dev.nibble.compress.TinyModels;
import dev.nibble.compress.allocate.Allocation;
import dev.nibble.compress.recipe.StepRegistry;
import dev.nibble.core.NibbleException;
import dev.nibble.core.model.InMemoryWeights;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.tensor.AffineTensor;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.models.Block;
import dev.nibble.models.Site;
import dev.nibble.models.Torch;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What every solver of integer weights promises, tried on a two-layer model whose width (40) no
 * usual group size divides: not worse than round-to-nearest on its own objective, for each matrix;
 * packed and simulated weights equal; the planned size; the same bits for any number of threads;
 * solved weights stay as they are when solved again on their own grid; dead inputs, zero rows and
 * fewer tokens than inputs do no harm; NaN is refused by name.
 */
public abstract class SolverContract {
  private static final ModelConfig CONFIG = TinyModels.llama(64, 40, 72, 2);
  private static final int SITES = 14;
  private static final int[][] TOKENS = BlockRun.randomTokens(6, 24, 64, 11);
  private static final String DOWN = TensorNames.layer(1, TensorNames.DOWN);

  /** Recipe key of the step. */
  protected abstract String step();

  /** Further options of the step. */
  protected ObjectNode options() {
    return JsonNodeFactory.instance.objectNode();
  }

  /** Codes of the values of {@code solved}, solved again on the grids of {@code solved}. */
  protected abstract byte[] solveAgain(AffineTensor solved, QuantSpec spec);

  /** Whether the step takes a spec; those that it refuses are left out. */
  protected boolean takes(QuantSpec spec) {
    return true;
  }

  /** What the report says that sites are stored as. */
  protected String storedText(QuantSpec spec) {
    return spec.text();
  }

  private Step create(String spec) {
    return StepRegistry.load().create(step(), "test", options().put("spec", spec));
  }

  private BlockRun run(String spec, int threads, Consumer<Block> fault) {
    InMemoryWeights weights = InMemoryWeights.random(CONFIG, 0.1, 5);
    return BlockRun.of(weights, List.of(create(spec)), TOKENS, threads, fault);
  }

  private BlockRun run(String spec) {
    return run(spec, 2, block -> {});
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "int2:g32",
        "int3:channel",
        "int3:g16:sym",
        "int4:g32:asym",
        "int4:g64",
        "int8:channel:sym",
        "int4:tensor:asym:fp32",
        "int5:g7:bf16"
      })
  void everySiteIsSolvedAsPlannedAndNotWorseThanRounding(String spec) {
    assumeTrue(takes(QuantSpec.parse(spec)));
    BlockRun run = run(spec);
    assertThat(run.events().solved()).hasSize(SITES);
    run.events()
        .solved()
        .forEach(
            (site, solved) -> {
              assertThat(solved.relativeError()).as(site).isPositive().isLessThan(1);
              assertThat(solved.relativeError())
                  .as(site)
                  .isLessThanOrEqualTo(solved.rtnRelativeError());
              assertThat(solved.spec()).isEqualTo(storedText(QuantSpec.parse(spec)));
            });
    Step step = create(spec);
    run.packed()
        .forEach(
            (name, packed) -> {
              assertThat(packed.toFloats()).as(name).isEqualTo(run.parameters().get(name));
              long[] shape = packed.shape();
              Site site = new Site(name, Site.Kind.LINEAR, (int) shape[0], (int) shape[1]);
              StoredForm stored = step.stores(site, new Allocation()).orElseThrow();
              if (stored.exact()) {
                assertThat(packed.byteSize()).as(name).isEqualTo(stored.sized(shape).byteSize());
              }
            });
  }

  @ParameterizedTest
  @ValueSource(strings = {"int3:g16", "int4:channel:sym"})
  void bitsDoNotDependOnThreads(String spec) {
    BlockRun one = run(spec, 1, block -> {});
    BlockRun three = run(spec, 3, block -> {});
    one.parameters()
        .forEach((site, w) -> assertThat(three.parameters().get(site)).as(site).isEqualTo(w));
    assertThat(three.events().solved()).isEqualTo(one.events().solved());
    assertThat(three.events().recorded()).isEqualTo(one.events().recorded());
  }

  @ParameterizedTest
  @ValueSource(strings = {"int2:g16", "int4:channel:sym"})
  void solvedWeightsStayWhenSolvedAgainOnTheirGrid(String spec) {
    for (PackedTensor packed : run(spec).packed().values()) {
      requireFixed(packed, QuantSpec.parse(spec));
    }
  }

  /** Fails when the values of a solved tensor move as they are solved again on their grids. */
  protected void requireFixed(PackedTensor packed, QuantSpec spec) {
    AffineTensor solved = (AffineTensor) packed;
    if (solved.groupIndex() == null) {
      byte[] again = solveAgain(solved, spec);
      for (int i = 0; i < again.length; i++) {
        int columns = solved.columns();
        assertThat(again[i] & 0xff).isEqualTo(solved.code(i / columns, i % columns));
      }
    }
  }

  @Test
  void deadInputsAndZeroRowsStayFiniteAndZeroRowsStayZero() {
    BlockRun run =
        run(
            "int3:g16",
            2,
            block -> {
              if (block.name().equals(TensorNames.layer(1))) {
                String norm = TensorNames.layer(1, TensorNames.INPUT_NORM) + ".weight";
                set(block, norm, 3, 0f);
                set(block, norm, 21, 0f);
                for (int c = 0; c < 72; c++) {
                  set(block, DOWN + ".weight", c, 0f);
                }
              }
            });
    run.parameters()
        .forEach(
            (site, w) -> {
              for (float value : w) {
                assertThat(value).as(site).isFinite();
              }
            });
    assertThat(run.events().solved()).hasSize(SITES);
    float[] down = run.parameters().get(DOWN);
    for (int c = 0; c < 72; c++) {
      assertThat(down[c]).isZero();
    }
  }

  @Test
  void fewerTokensThanInputsDoNoHarm() {
    BlockRun run =
        BlockRun.of(
            InMemoryWeights.random(CONFIG, 0.1, 5),
            List.of(create("int3:g16")),
            BlockRun.randomTokens(1, 7, 64, 1),
            2);
    assertThat(run.events().solved()).hasSize(SITES);
    for (RecordedEvents.Solved solved : run.events().solved().values()) {
      assertThat(solved.relativeError()).isBetween(0.0, solved.rtnRelativeError());
    }
  }

  @Test
  void nanIsRefusedByName() {
    assertThatThrownBy(
            () ->
                run(
                    "int4:channel",
                    2,
                    block -> {
                      if (block.name().equals(TensorNames.layer(1))) {
                        set(block, DOWN + ".weight", 72 * 5 + 7, Float.NaN);
                      }
                    }))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining(DOWN + ".weight")
        .hasMessageContaining("row 5, column 7");
  }

  /** Overwrites one element of a parameter. */
  protected static void set(Block block, String parameter, int index, float value) {
    MemorySegment view = Torch.view(block.parameter(parameter));
    view.setAtIndex(ValueLayout.JAVA_FLOAT, index, value);
  }
}
