package dev.nibble.compress.tune;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.compress.BlockRun;
import dev.nibble.compress.Step;
import dev.nibble.compress.StoredForm;
import dev.nibble.compress.TinyModels;
import dev.nibble.compress.allocate.Allocation;
import dev.nibble.compress.recipe.StepRegistry;
import dev.nibble.core.NibbleException;
import dev.nibble.core.model.InMemoryWeights;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.TensorNames;
import dev.nibble.models.Block;
import dev.nibble.models.Site;
import dev.nibble.models.Torch;
import java.util.List;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What every tuner of blocks promises, tried on a two-layer model whose width (40) no usual group
 * size divides: the loss on held-out sequences does not rise, in any block and whatever the
 * learning rate; packed and simulated weights are equal and have the planned size; the same bits
 * for any number of threads; values that are not finite do not get into the model, and are refused
 * by name when the model itself makes them.
 */
public abstract class TunerContract {
  protected static final ModelConfig CONFIG = TinyModels.llama(64, 40, 72, 2);
  protected static final int[][] TOKENS = BlockRun.randomTokens(8, 24, 64, 11);
  private static final Pattern LOSS =
      Pattern.compile("held-out loss (\\S+) before and (\\S+) after; by epoch: ?(.*)");

  /** Recipe key of the step. */
  protected abstract String step();

  /** Further options of the step. */
  protected ObjectNode options() {
    return JsonNodeFactory.instance.objectNode();
  }

  /** Names of the options that are learning rates. */
  protected abstract List<String> rates();

  /** The loss of a block as its event tells it. */
  protected record Course(double before, double after, int epochs) {}

  protected final List<Course> courses(BlockRun run) {
    return run.events().of(step() + ".loss").stream()
        .map(
            event -> {
              Matcher m = LOSS.matcher(event.what());
              assertThat(m.matches()).as(event.what()).isTrue();
              return new Course(
                  Double.parseDouble(m.group(1)),
                  Double.parseDouble(m.group(2)),
                  m.group(3).isBlank() ? 0 : m.group(3).split(" ").length);
            })
        .toList();
  }

  protected final Step create(String spec, ObjectNode more) {
    ObjectNode all = options().put("spec", spec);
    all.setAll(more);
    return StepRegistry.load().create(step(), "test", all);
  }

  protected final BlockRun run(Step step, int threads, Consumer<Block> fault) {
    InMemoryWeights weights = InMemoryWeights.random(CONFIG, 0.1, 5);
    return BlockRun.of(weights, List.of(step), TOKENS, threads, fault);
  }

  private static ObjectNode epochs(int epochs) {
    return JsonNodeFactory.instance.objectNode().put("epochs", epochs);
  }

  @ParameterizedTest
  @ValueSource(strings = {"int2:g32", "int3:channel", "int3:g16:sym", "int4:g64:bf16"})
  void heldOutLossFallsAndWhatIsStoredIsAsPlannedAndAsSimulated(String spec) {
    Step step = create(spec, epochs(3));
    BlockRun run = run(step, 2, block -> {});
    assertThat(courses(run))
        .hasSize(2)
        .allSatisfy(
            course -> {
              assertThat(course.after()).isLessThanOrEqualTo(course.before());
              assertThat(course.epochs()).isEqualTo(3);
            });
    assertThat(courses(run)).anySatisfy(c -> assertThat(c.after()).isLessThan(c.before()));
    assertThat(run.events().solved()).hasSize(14);
    run.packed()
        .forEach(
            (name, packed) -> {
              assertThat(packed.toFloats()).as(name).isEqualTo(run.parameters().get(name));
              long[] shape = packed.shape();
              Site site = new Site(name, Site.Kind.LINEAR, (int) shape[0], (int) shape[1]);
              StoredForm stored = step.stores(site, new Allocation()).orElseThrow();
              assertThat(packed.byteSize()).as(name).isEqualTo(stored.sized(shape).byteSize());
            });
  }

  @Test
  void bitsDoNotDependOnThreads() {
    BlockRun one = run(create("int3:g16", epochs(2)), 1, block -> {});
    BlockRun three = run(create("int3:g16", epochs(2)), 3, block -> {});
    one.parameters()
        .forEach((site, w) -> assertThat(three.parameters().get(site)).as(site).isEqualTo(w));
    assertThat(three.events().of(step() + ".loss")).isEqualTo(one.events().of(step() + ".loss"));
  }

  @Test
  void noEpochsLeaveTheStart() {
    assertThat(courses(run(create("int3:g16", epochs(0)), 2, block -> {})))
        .hasSize(2)
        .allSatisfy(
            course -> {
              assertThat(course.after()).isEqualTo(course.before());
              assertThat(course.epochs()).isZero();
            });
  }

  @Test
  void ratesThatAreMuchTooHighDoNoHarm() {
    ObjectNode wild = epochs(2);
    rates().forEach(rate -> wild.put(rate, 10.0));
    BlockRun run = run(create("int2:g16", wild), 2, block -> {});
    assertThat(courses(run))
        .hasSize(2)
        .allSatisfy(course -> assertThat(course.after()).isLessThanOrEqualTo(course.before()));
    run.parameters()
        .forEach(
            (site, w) -> {
              for (float v : w) {
                assertThat(v).as(site).isFinite();
              }
            });
  }

  @Test
  void aBlockThatIsNotFiniteIsRefusedByName() {
    Consumer<Block> fault =
        block -> {
          String gain = "model.layers.1.input_layernorm.weight";
          if (block.parameterNames().contains(gain)) {
            float[] values = Torch.toFloats(block.parameter(gain));
            values[7] = Float.POSITIVE_INFINITY;
            Torch.run(() -> block.setParameter(gain, Torch.fromFloats(values, values.length)));
          }
        };
    assertThatThrownBy(() -> run(create("int3:g16", epochs(1)), 2, fault))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("model.layers.1");
  }

  @Test
  void aWeightThatIsNotFiniteIsRefusedByName() {
    String down = TensorNames.weight(TensorNames.layer(1, TensorNames.DOWN));
    Consumer<Block> fault =
        block -> {
          if (block.parameterNames().contains(down)) {
            float[] values = Torch.toFloats(block.parameter(down));
            values[3] = Float.NaN;
            Torch.run(() -> block.setParameter(down, Torch.fromFloats(values, 40, 72)));
          }
        };
    assertThatThrownBy(() -> run(create("int3:g16", epochs(1)), 2, fault))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining(down)
        .hasMessageContaining("row 0, column 3");
  }

  @Test
  void oneSequenceIsEnough() {
    InMemoryWeights weights = InMemoryWeights.random(CONFIG, 0.1, 5);
    BlockRun run =
        BlockRun.of(
            weights, List.of(create("int3:g16", epochs(1))), BlockRun.randomTokens(1, 5, 64, 3), 2);
    assertThat(courses(run))
        .hasSize(2)
        .allSatisfy(course -> assertThat(course.after()).isLessThanOrEqualTo(course.before()));
  }
}
