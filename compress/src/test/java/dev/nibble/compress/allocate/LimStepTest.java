package dev.nibble.compress.allocate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.compress.BlockRun;
import dev.nibble.compress.allocate.LayerInputModification.Cosines;
import dev.nibble.core.NibbleException;
import dev.nibble.core.model.InMemoryWeights;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.models.Torch;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.SplittableRandom;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;

/** The step lim. */
class LimStepTest extends AllocatorContract {

  @Override
  String step(String levels, String budget) {
    return "lim: { levels: " + levels + ", " + budget + " }";
  }

  @Override
  String reversed(String levels, String budget) {
    return "lim: { levels: " + levels + ", order: reverse, " + budget + " }";
  }

  private static Cosines cosines(float[] in, float[] out, int length) {
    int hidden = 4;
    long tokens = in.length / hidden;
    try (Tensor x = Torch.fromFloats(in, tokens / length, length, hidden);
        Tensor y = Torch.fromFloats(out, tokens / length, length, hidden)) {
      return LayerInputModification.of(x, y);
    }
  }

  private static float[] random(int count, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] out = new float[count];
    for (int i = 0; i < count; i++) {
      out[i] = (float) random.nextGaussian();
    }
    return out;
  }

  private static float[] times(float[] x, float factor) {
    float[] out = x.clone();
    for (int i = 0; i < out.length; i++) {
      out[i] *= factor;
    }
    return out;
  }

  @Test
  void isMinusTheCosineOfInputAndOutput() {
    float[] x = random(48, 1);
    assertThat(cosines(x, x, 3).score()).isCloseTo(-1, within(1e-12));
    assertThat(cosines(x, times(x, -1), 3).score()).isCloseTo(1, within(1e-12));
    float[] turned = new float[48];
    for (int i = 0; i < 48; i += 2) {
      turned[i] = -x[i + 1];
      turned[i + 1] = x[i];
    }
    assertThat(cosines(x, turned, 3).score()).isCloseTo(0, within(1e-7));
  }

  @Test
  void theScaleOfTheOutputDoesNotMatter() {
    float[] x = random(48, 1);
    float[] y = random(48, 2);
    assertThat(cosines(x, times(y, 1024), 3).score())
        .isCloseTo(cosines(x, y, 3).score(), within(1e-12));
  }

  @Test
  void firstTokensAreReportedApartAndZeroVectorsAreSkipped() {
    float[] x = random(24, 1); // two sequences of three tokens
    float[] y = x.clone();
    for (int i = 0; i < 4; i++) {
      y[i] = -y[i]; // the first token of the first sequence
      x[4 + i] = 0; // the second
    }
    Cosines found = cosines(x, y, 3);
    assertThat(found.count()).isEqualTo(5);
    assertThat(found.score()).isCloseTo(-3.0 / 5, within(1e-12));
    assertThat(found.firstScore()).isCloseTo(0, within(1e-12));
    assertThat(cosines(new float[24], y, 3).score()).isNaN();
  }

  /** A model in which layer 2 adds nothing to the residual stream. */
  private InMemoryWeights idle() {
    Map<String, PackedTensor> tensors = new HashMap<>();
    weights.names().forEach(name -> tensors.put(name, weights.tensor(name)));
    for (String part : new String[] {TensorNames.O, TensorNames.DOWN}) {
      String name = TensorNames.weight(TensorNames.layer(2, part));
      long[] shape = weights.tensor(name).shape();
      tensors.put(
          name, DenseTensor.of(new float[Math.toIntExact(weights.tensor(name).elements())], shape));
    }
    return new InMemoryWeights(weights.config(), tensors, Map.of());
  }

  @Test
  void aLayerThatDoesNothingComesLast() {
    AllocationReport report =
        new AllocationRun(idle(), tokens)
            .of("{ " + step("[ \"int2:g16\", \"int4:g16\" ]", "high_layers: 4") + " }, rtn")
            .reports()
            .getFirst();
    AllocationReport.Row idle = report.rows().get(2);
    assertThat(idle.score()).isCloseTo(-1, within(1e-6));
    assertThat(idle.rank()).isEqualTo(5);
    assertThat(idle.level()).isEqualTo("int2:g16:asym");
    assertThat(report.rows().stream().filter(row -> row.level().startsWith("int4"))).hasSize(4);
  }

  @Test
  void allOrNoHighLayersAreTheUniformModels() {
    String levels = "[ \"int4:g16\", \"int2:g16\" ]"; // in any order
    for (int high : new int[] {0, 5}) {
      String mixed = "{ " + step(levels, "high_layers: " + high) + " }, gptq";
      String uniform = "gptq: { spec: \"int" + (high == 0 ? 2 : 4) + ":g16\" }";
      Map<String, PackedTensor> expected = stored("{ " + uniform + " }");
      Map<String, PackedTensor> found = stored(mixed);
      assertThat(found.keySet()).isEqualTo(expected.keySet());
      found.forEach(
          (site, tensor) -> assertThat(tensor.toFloats()).isEqualTo(expected.get(site).toFloats()));
    }
  }

  private Map<String, PackedTensor> stored(String steps) {
    return BlockRun.of(weights, AllocationRun.steps(steps), tokens, 2).packed();
  }

  @Test
  void threeLevelsCanBeCutByCounts() {
    Allocation allocation =
        run()
            .of(
                "{ "
                    + step("[ \"int2:g16\", \"int4:g16\", keep ]", "high_layers: [ 1, 2 ]")
                    + " }, rtn");
    assertThat(allocation.reports().getFirst().rows())
        .extracting(AllocationReport.Row::level)
        .containsExactlyInAnyOrder(
            "keep", "int4:g16:asym", "int4:g16:asym", "int2:g16:asym", "int2:g16:asym");
  }

  @Test
  void aGivenOrderIsKeptAndMustNameEveryLayer() {
    String given = "lim: { order: given, layers: [ 3, 1, 0, 2, 4 ], high_layers: 2 }";
    AllocationReport report = run().of("{ " + given + " }, rtn").reports().getFirst();
    assertThat(report.rows()).extracting(AllocationReport.Row::rank).containsExactly(3, 2, 4, 1, 5);
    assertThat(report.rows().get(0).score()).isNaN();
    String short4 = "lim: { order: given, layers: [ 3, 1, 0, 2 ], high_layers: 2 }";
    assertThat(
            AllocationRun.steps("{ " + short4 + " }, rtn").getFirst().objections(weights.config()))
        .containsExactly("layers: must list every layer once, from 0 to 4");
  }

  @Test
  void aRandomOrderFollowsTheSeed() {
    String random = "{ lim: { order: random, high_layers: 2 } }, rtn";
    assertThat(run().seed(1).of(random).reports()).isEqualTo(run().seed(1).of(random).reports());
    assertThat(
            Arrays.asList(
                run().seed(2).of(random).reports(),
                run().seed(3).of(random).reports(),
                run().seed(4).of(random).reports()))
        .anyMatch(report -> !report.equals(run().seed(1).of(random).reports()));
  }

  @Test
  void hiddenStatesThatAreNotFiniteAreRefusedByName() {
    Map<String, PackedTensor> tensors = new HashMap<>();
    weights.names().forEach(name -> tensors.put(name, weights.tensor(name)));
    String name = TensorNames.weight(TensorNames.layer(1, TensorNames.UP));
    float[] broken = weights.tensor(name).toFloats();
    broken[7] = Float.NaN;
    tensors.put(name, DenseTensor.of(broken, weights.tensor(name).shape()));
    assertThatThrownBy(
            () ->
                new AllocationRun(new InMemoryWeights(weights.config(), tensors, Map.of()), tokens)
                    .of("{ lim: { high_layers: 2 } }, rtn"))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("model.layers.1");
  }

  @Test
  void optionsThatContradictEachOtherAreRefused() {
    for (String options :
        new String[] {
          "bits: 3, high_layers: 2",
          "bits: 3, size: 2m",
          "order: score",
          "levels: [ int4:g16 ], bits: 4",
          "levels: [ int4:g16, \"int4:g16:asym\" ], bits: 4",
          "layers: [ 1 ], bits: 3",
          "high_layers: [ 1, 1 ]",
          "high_layers: many",
          "size: large",
        }) {
      assertThatThrownBy(() -> AllocationRun.steps("{ lim: { " + options + " } }"))
          .as(options)
          .isInstanceOf(NibbleException.class)
          .hasMessageContaining("lim");
    }
  }
}
