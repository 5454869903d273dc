package dev.nibble.compress.allocate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.compress.BlockRun;
import dev.nibble.compress.TinyModels;
import dev.nibble.core.NibbleException;
import dev.nibble.core.model.InMemoryWeights;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.models.Block;
import dev.nibble.models.Torch;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.SplittableRandom;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The step cptquant with each of its scorers. */
class CptQuantStepTest {

  private abstract static class Scorer extends AllocatorContract {
    abstract String options();

    @Override
    String step(String levels, String budget) {
      return "cptquant: { " + options() + ", levels: " + levels + ", " + budget + " }";
    }

    @Override
    String reversed(String levels, String budget) {
      return step(levels, "order: reverse, " + budget);
    }
  }

  /** Correlation of layers. */
  @Nested
  class Cmpq extends Scorer {
    @Override
    String options() {
      return "scorer: cmpq";
    }
  }

  /** Pruning, of single linears. */
  @Nested
  class Pmpq extends Scorer {
    @Override
    String options() {
      return "scorer: pmpq, unit: linear, sparsities: [ 0.3 ], samples: 2";
    }
  }

  /** Taylor expansion, of single linears. */
  @Nested
  class Tdmpq extends Scorer {
    @Override
    String options() {
      return "scorer: tdmpq, unit: linear";
    }
  }

  private final InMemoryWeights weights =
      InMemoryWeights.random(TinyModels.llama(61, 32, 48, 4), 0.15, 3);
  private final int[][] tokens = BlockRun.randomTokens(4, 24, 61, 8);

  private AllocationReport report(String options) {
    return new AllocationRun(weights, tokens)
        .of("{ cptquant: { " + options + " } }, rtn")
        .reports()
        .getFirst();
  }

  private static Tensor gaussian(int rows, int columns, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    double[] values = new double[rows * columns];
    for (int i = 0; i < values.length; i++) {
      values[i] = random.nextGaussian();
    }
    return Torch.fromDoubles(values, rows, columns);
  }

  private static double correlation(Tensor x, Tensor y) {
    int width = Math.toIntExact(x.size(1));
    try (Tensor u = Correlation.whiten(x, width, 1e-12);
        Tensor v = Correlation.whiten(y, width, 1e-12)) {
      return Correlation.mean(u, v);
    }
  }

  @Test
  void correlationSeesThroughAnyInvertibleMap() {
    try (Tensor x = gaussian(600, 12, 1);
        Tensor map = gaussian(12, 12, 2);
        Tensor other = gaussian(600, 12, 3);
        Tensor mapped = Torch.owned(() -> x.mm(map));
        Tensor moved = Torch.owned(() -> x.mul(new Scalar(7.0)).add(new Scalar(3.0)))) {
      assertThat(correlation(x, x)).isCloseTo(1, within(1e-6));
      assertThat(correlation(x, mapped)).isCloseTo(1, within(1e-6));
      assertThat(correlation(x, moved)).isCloseTo(1, within(1e-6));
      assertThat(correlation(x, other)).isLessThan(0.2);
    }
  }

  @Test
  void aDeadViewCorrelatesWithNothing() {
    try (Tensor x = gaussian(100, 4, 1);
        Tensor dead = Torch.owned(() -> Torch.empty(ScalarType.Double, 100, 4).zero_())) {
      assertThat(correlation(x, dead)).isZero();
    }
  }

  @Test
  void taylorAgreesWithTheLossItself() {
    double eta = 1e-3;
    AllocationRun run = new AllocationRun(weights, new int[][] {tokens[0]});
    AllocationReport taylor =
        run.of("{ cptquant: { scorer: tdmpq, perturb: random, eta: " + eta + " } }, rtn")
            .reports()
            .getFirst();
    double[] finite = run.finiteDifferences(eta);
    for (int u = 0; u < finite.length; u++) {
      assertThat(taylor.rows().get(u).score())
          .isCloseTo(finite[u], within(0.05 * finite[u] + 2e-6));
    }
  }

  @Test
  void pruningLeavesTheModelUntouched() {
    String scores = "scorer: pmpq, samples: 2";
    AllocationReport once = report(scores);
    assertThat(report(scores)).isEqualTo(once);
    try (Replay replay = new AllocationRun(weights, tokens).replay()) {
      long before = checksum(replay);
      double loss = replay.loss();
      float[] zeros = new float[32 * 48];
      Tensor values = Torch.fromFloats(zeros, 32, 48);
      String down = TensorNames.weight(TensorNames.layer(1, TensorNames.DOWN));
      double changed = Replay.with(replay.blocks().get(2), down, values, () -> replay.loss(2));
      values.close();
      assertThat(changed).isNotEqualTo(loss);
      assertThat(replay.loss(2)).isEqualTo(loss);
      assertThat(checksum(replay)).isEqualTo(before);
    }
  }

  private static long checksum(Replay replay) {
    long sum = 0;
    for (Block block : replay.blocks()) {
      for (String name : block.parameterNames()) {
        sum = 31 * sum + Arrays.hashCode(Torch.toFloats(block.parameter(name)));
      }
    }
    return sum;
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "scorer: cmpq",
        "scorer: cmpq, views: quant",
        "scorer: pmpq, samples: 2",
        "scorer: tdmpq",
        "scorer: tdmpq, perturb: inputs",
      })
  void theQuantilesAreFilledFromTheTop(String scorer) {
    AllocationReport report = report(scorer + ", fractions: [ 0.25, 0.5 ]");
    assertThat(report.rows()).allMatch(row -> row.score() >= 0);
    for (AllocationReport.Row row : report.rows()) {
      String expected = row.rank() == 1 ? "keep" : row.rank() == 4 ? "int4" : "int8";
      assertThat(row.level()).startsWith(expected);
    }
  }

  @Test
  void clustersFollowTheScores() {
    assertThat(Classes.kmeans(new double[] {0.1, 5, 0.2, 5.1, 1.9, 2}, 3))
        .containsExactly(0, 2, 0, 2, 1, 1);
    assertThat(Classes.kmeans(new double[] {1, 1, 1}, 3)).containsExactly(0, 0, 0);
    assertThat(report("scorer: tdmpq, assign: kmeans").rows()).hasSize(4);
  }

  @Test
  void equalLayersGoByIndex() {
    Map<String, PackedTensor> tensors = new HashMap<>();
    weights.names().forEach(name -> tensors.put(name, weights.tensor(name)));
    for (int layer = 0; layer < 4; layer++) {
      for (String part : new String[] {TensorNames.O, TensorNames.DOWN}) {
        String name = TensorNames.weight(TensorNames.layer(layer, part));
        long[] shape = weights.tensor(name).shape();
        tensors.put(
            name,
            DenseTensor.of(new float[Math.toIntExact(weights.tensor(name).elements())], shape));
      }
    }
    AllocationReport report =
        new AllocationRun(new InMemoryWeights(weights.config(), tensors, Map.of()), tokens)
            .of("{ cptquant: { scorer: cmpq, fractions: [ 0.25, 0.25 ] } }, rtn")
            .reports()
            .getFirst();
    assertThat(report.rows().getFirst().rank()).isEqualTo(1);
    assertThat(report.rows().get(3).rank()).isEqualTo(4);
  }

  @ParameterizedTest
  @ValueSource(strings = {"cmpq", "pmpq", "tdmpq"})
  void oneLayerIsEnough(String scorer) {
    InMemoryWeights single = InMemoryWeights.random(TinyModels.llama(61, 32, 48, 1), 0.1, 3);
    AllocationReport report =
        new AllocationRun(single, tokens)
            .of("{ cptquant: { scorer: " + scorer + " } }, rtn")
            .reports()
            .getFirst();
    assertThat(report.rows()).hasSize(1);
  }

  @Test
  void optionsThatDoNotGoTogetherAreRefused() {
    for (String options :
        new String[] {
          "scorer: cmpq, unit: linear",
          "scorer: tdmpq, unit: linear, perturb: inputs",
          "assign: budget",
          "assign: kmeans, bits: 4",
          "fractions: [ 0.7, 0.6 ]",
          "fractions: [ 0.2, 0.2, 0.2 ]",
          "fractions: [ some ]",
        }) {
      assertThatThrownBy(() -> AllocationRun.steps("{ cptquant: { " + options + " } }"))
          .as(options)
          .isInstanceOf(NibbleException.class)
          .hasMessageContaining("cptquant");
    }
  }
}
