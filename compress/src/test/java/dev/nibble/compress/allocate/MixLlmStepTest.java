package dev.nibble.compress.allocate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.compress.BlockRun;
import dev.nibble.compress.TinyModels;
import dev.nibble.compress.testing.TinyFamilies;
import dev.nibble.core.NibbleException;
import dev.nibble.core.model.InMemoryWeights;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.rounding.RoundToNearest;
import dev.nibble.core.rounding.RoundingOptions;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.models.Torch;
import java.util.Arrays;
import java.util.Map;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MixLlmStepTest {
  private static final int ROWS = 3 * (32 + 16 + 16 + 32 + 48 + 48 + 32);
  private static final String WIDTHS = "small: \"int2:g16\", large: \"int8:g16:sym\"";
  private static final ModelConfig CONFIG = TinyModels.llama(61, 32, 48, 3);

  private final InMemoryWeights weights = TinyFamilies.weights(CONFIG, 3);
  private final int[][] tokens = TinyFamilies.tokens(CONFIG, 4, 24, 8);

  private static String recipe(String options, String solver) {
    return "{ mixllm: { " + WIDTHS + ", " + options + " } }, " + solver;
  }

  private AllocationRun run(int[][] on) {
    return new AllocationRun(weights, on);
  }

  private int raised(String site, Assignment assignment) {
    return switch (assignment) {
      case Assignment.Rows rows -> Arrays.stream(rows.rowClass()).sum();
      case Assignment.Uniform uniform when uniform.spec().bits() == 8 ->
          Math.toIntExact(weights.tensor(TensorNames.weight(site)).shape()[0]);
      default -> 0;
    };
  }

  @ParameterizedTest
  @ValueSource(doubles = {10, 0.5, 33.3})
  void exactlyTheShareAskedForIsRaised(double percent) {
    Allocation allocation = run(tokens).of(recipe("percent: " + percent, "rtn"));
    assertThat(allocation.sites()).hasSize(21);
    assertThat(
            allocation.sites().entrySet().stream()
                .mapToInt(e -> raised(e.getKey(), e.getValue()))
                .sum())
        .isEqualTo((int) Math.floor(percent * ROWS / 100));
  }

  @Test
  void everyLayerRaisesItsOwnShare() {
    Allocation allocation = run(tokens).of(recipe("percent: 25, scope: layer", "rtn"));
    allocation
        .sites()
        .forEach(
            (site, a) ->
                assertThat(raised(site, a))
                    .as(site)
                    .isEqualTo(((Assignment.Rows) a).rowClass().length / 4));
  }

  @ParameterizedTest
  @ValueSource(strings = {"rtn", "gptq"})
  void noneAndAllAreTheUniformWidths(String solver) {
    String[] specs = {"int2:g16", "int8:g16:sym"};
    for (int i = 0; i < 2; i++) {
      String uniform = "{ " + solver + ": { spec: \"" + specs[i] + "\" } }";
      Map<String, PackedTensor> expected = stored(uniform);
      Map<String, PackedTensor> found = stored(recipe("percent: " + 100 * i, solver));
      assertThat(found.keySet()).isEqualTo(expected.keySet());
      expected.forEach(
          (site, tensor) ->
              assertThat(found.get(site).toFloats()).as(site).isEqualTo(tensor.toFloats()));
    }
  }

  private Map<String, PackedTensor> stored(String recipe) {
    return BlockRun.of(weights, AllocationRun.steps(recipe), tokens, 2).packed();
  }

  @Test
  void salienceIsTheDerivativeOfTheLossAlongTheRounding() {
    AllocationRun run = run(new int[][] {tokens[0]});
    run.of(recipe("percent: 10", "rtn"));
    double[] scores = scores(run);
    String down = TensorNames.weight(TensorNames.layer(2, TensorNames.DOWN));
    float[] weight = weights.tensor(down).toFloats();
    float[] rounded =
        RoundToNearest.quantize(
                weight, new long[] {32, 48}, QuantSpec.parse("int2:g16"), RoundingOptions.DEFAULT)
            .toFloats();
    try (Replay replay = run.replay()) {
      for (int row = 0; row < 20; row++) {
        double step = 0.1;
        double up = loss(replay, down, weight, rounded, row, step);
        double a = (up - loss(replay, down, weight, rounded, row, -step)) / (2 * step);
        double expected = Math.abs(a + a * a / 2);
        assertThat(scores[ROWS - 32 + row])
            .as("row " + row)
            .isCloseTo(expected, within(0.02 * expected + 1e-5));
      }
    }
  }

  private static double[] scores(AllocationRun run) {
    var row = run.kept().values().iterator().next().get(0);
    return IntStream.range(0, row.size())
        .mapToDouble(i -> Double.parseDouble(row.get(i).asText()))
        .toArray();
  }

  private static double loss(
      Replay replay, String name, float[] weight, float[] rounded, int row, double step) {
    float[] moved = weight.clone();
    for (int i = row * 48; i < (row + 1) * 48; i++) {
      moved[i] += (float) (step * (rounded[i] - weight[i]));
    }
    try (Tensor values = Torch.fromFloats(moved, 32, 48)) {
      return Replay.with(replay.blocks().get(3), name, values, () -> replay.loss(3));
    }
  }

  @Test
  void measuresDiffer() {
    double[] full = scored("percent: 10");
    double[] diagonal = scored("fisher: diagonal");
    double[] second = scored("ignore_first_order: true");
    assertThat(diagonal).isNotEqualTo(full);
    assertThat(second).isNotEqualTo(full);
    assertThat(Arrays.stream(second).sum()).isLessThan(Arrays.stream(full).sum());
  }

  private double[] scored(String options) {
    AllocationRun run = run(tokens);
    run.of(recipe(options, "rtn"));
    return scores(run);
  }

  @Test
  void threadsDoNotMatterAndAnotherShareReadsNoWeights() {
    AllocationRun one = run(tokens).threads(1);
    AllocationRun three = run(tokens).threads(3);
    assertThat(one.of(recipe("percent: 10", "rtn")).reports())
        .isEqualTo(three.of(recipe("percent: 10", "rtn")).reports());
    assertThat(one.kept()).isEqualTo(three.kept());
    Allocation cached =
        new AllocationRun(new Unreadable(weights), tokens)
            .after(one)
            .of(recipe("percent: 20", "rtn"));
    assertThat(cached.reports()).isEqualTo(run(tokens).of(recipe("percent: 20", "rtn")).reports());
  }

  @Test
  void refusesWhatItCannotDo() {
    for (String options :
        new String[] {"large: keep", "small: \"int8:g128:sym\"", "percent: 101"}) {
      assertThatThrownBy(() -> AllocationRun.steps("{ mixllm: { " + options + " } }"))
          .as(options)
          .isInstanceOf(NibbleException.class)
          .hasMessageContaining("mixllm");
    }
  }
}
