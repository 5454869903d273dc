package dev.nibble.compress.solve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.compress.BlockRun;
import dev.nibble.compress.RecordedEvents;
import dev.nibble.compress.Step;
import dev.nibble.compress.TinyModels;
import dev.nibble.compress.allocate.Allocation;
import dev.nibble.compress.recipe.Recipe;
import dev.nibble.core.NibbleException;
import dev.nibble.core.model.InMemoryWeights;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.tensor.CodebookTensor;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.models.Block;
import dev.nibble.models.Site;
import dev.nibble.models.Torch;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** The step {@code aqlm} on models that run in milliseconds. */
class AqlmTest {
  private static final ModelConfig CONFIG = TinyModels.llama(64, 40, 72, 2);
  private static final int SITES = 14;
  private static final int[][] TOKENS = BlockRun.randomTokens(8, 24, 64, 11);
  private static final String DOWN = TensorNames.layer(1, TensorNames.DOWN);
  private static final String SMALL =
      "num_codebooks: 2, nbits_per_codebook: 4, in_group_size: 8, steps_per_epoch: 20, max_epochs:"
          + " 4, init_max_iter: 10, finetune_max_epochs: 0";

  private static Step step(String options) {
    return Recipe.parse("steps: [ { aqlm: { " + options + " } } ]", "test")
        .steps()
        .getFirst()
        .step();
  }

  private static BlockRun run(String options, int threads, Consumer<Block> fault) {
    InMemoryWeights weights = InMemoryWeights.random(CONFIG, 0.1, 5);
    return BlockRun.of(weights, List.of(step(options)), TOKENS, threads, fault);
  }

  private static void set(Block block, String parameter, int index, float value) {
    Torch.view(block.parameter(parameter)).setAtIndex(ValueLayout.JAVA_FLOAT, index, value);
  }

  @Test
  void sitesAreStoredAsPlannedAndBeatTheClusteringTheyStartFrom() {
    BlockRun run = run(SMALL, 2, block -> {});
    assertThat(run.events().solved()).hasSize(SITES);
    run.events()
        .solved()
        .forEach(
            (site, solved) -> {
              assertThat(solved.spec()).isEqualTo("codebook2x4:g8");
              assertThat(solved.relativeError()).as(site).isLessThan(solved.rtnRelativeError());
            });
    Step step = step(SMALL);
    run.packed()
        .forEach(
            (name, packed) -> {
              assertThat(packed.toFloats()).as(name).isEqualTo(run.parameters().get(name));
              long[] shape = packed.shape();
              Site site = new Site(name, Site.Kind.LINEAR, (int) shape[0], (int) shape[1]);
              assertThat(packed.byteSize())
                  .isEqualTo(
                      step.stores(site, new Allocation()).orElseThrow().sized(shape).byteSize());
            });
  }

  @Test
  void bitsDoNotDependOnThreadsAndTheSeedDecidesThem() {
    Map<String, PackedTensor> one = run(SMALL, 1, block -> {}).packed();
    Map<String, PackedTensor> three = run(SMALL, 3, block -> {}).packed();
    one.forEach(
        (site, tensor) -> {
          CodebookTensor other = (CodebookTensor) three.get(site);
          assertThat(((CodebookTensor) tensor).codes().mismatch(other.codes())).isEqualTo(-1);
          assertThat(((CodebookTensor) tensor).codewords().mismatch(other.codewords()))
              .isEqualTo(-1);
        });
  }

  @Test
  void trainingTheBlockLowersItsHeldOutError() {
    BlockRun trained =
        run(
            SMALL.replace("finetune_max_epochs: 0", "finetune_lr: 1e-3, finetune_max_epochs: 6"),
            2,
            block -> {});
    List<RecordedEvents.Recorded> events = trained.events().of("aqlm.finetune");
    assertThat(events).hasSize(2);
    for (RecordedEvents.Recorded event : events) {
      double[] losses =
          Arrays.stream(event.what().split("[ ,]+"))
              .filter(word -> word.matches("[0-9].*"))
              .mapToDouble(Double::parseDouble)
              .toArray();
      assertThat(losses[1]).isLessThan(losses[0]);
    }
  }

  @Test
  void deadInputsAndZeroRowsStayFiniteAndZeroRowsStayZero() {
    BlockRun run =
        run(
            SMALL,
            2,
            block -> {
              if (block.name().equals(TensorNames.layer(1))) {
                String norm = TensorNames.layer(1, TensorNames.INPUT_NORM) + ".weight";
                set(block, norm, 3, 0f);
                for (int c = 0; c < 72; c++) {
                  set(block, DOWN + ".weight", c, 0f);
                }
              }
            });
    assertThat(run.events().sites("aqlm.dead-inputs"))
        .containsExactly(TensorNames.layer(1, TensorNames.Q));
    run.parameters()
        .forEach(
            (site, w) -> {
              for (float value : w) {
                assertThat(value).as(site).isFinite();
              }
            });
    for (int c = 0; c < 72; c++) {
      assertThat(run.parameters().get(DOWN)[c]).isZero();
    }
  }

  @Test
  void moreCodewordsThanGroupsAreStoredAndNamed() {
    BlockRun run =
        run(
            "num_codebooks: 1, nbits_per_codebook: 9, max_epochs: 1, finetune_max_epochs: 0",
            2,
            block -> {});
    assertThat(run.events().solved()).hasSize(SITES);
    assertThat(run.events().sites("aqlm.codebook-share")).hasSize(SITES);
  }

  @Test
  void aWidthThatGroupsDoNotDivideIsSolved() {
    BlockRun run =
        run(
            "num_codebooks: 2, nbits_per_codebook: 4, in_group_size: 7, max_epochs: 2,"
                + " finetune_max_epochs: 0",
            2,
            b -> {});
    run.events()
        .solved()
        .values()
        .forEach(s -> assertThat(s.relativeError()).isLessThan(s.rtnRelativeError()));
  }

  @Test
  void nanIsRefusedByName() {
    assertThatThrownBy(
            () ->
                run(
                    SMALL,
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
}
