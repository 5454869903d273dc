package dev.nibble.compress.allocate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.compress.RecordedEvents;
import dev.nibble.compress.Step;
import dev.nibble.compress.testing.TinyFamilies;
import dev.nibble.compress.testing.TinyRun;
import dev.nibble.core.NibbleException;
import dev.nibble.core.model.InMemoryWeights;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.models.ResidentModel;
import dev.nibble.models.Torch;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The step size. */
class SizeStepTest extends AllocatorContract {

  @Override
  String step(String levels, String budget) {
    return "size: { tables: false, levels: " + levels + ", " + budget + " }";
  }

  @Test
  void theEmbeddingAndAHeadOfItsOwnTakePart() {
    Allocation allocation = run().of("{ size: { bits: 3.6 } }, rtn");
    assertThat(allocation.sites()).containsKeys(TensorNames.EMBEDDING, TensorNames.HEAD);
    ModelConfig tied = TinyFamilies.families().get("qwen2");
    Allocation shared =
        new AllocationRun(TinyFamilies.weights(tied, 4), TinyFamilies.tokens(tied, 3, 20, 2))
            .of("{ size: { bits: 4.2 } }, rtn");
    assertThat(shared.sites())
        .containsKey(TensorNames.EMBEDDING)
        .doesNotContainKey(TensorNames.HEAD);
  }

  @Test
  void everyFamilyCanBeSized() {
    TinyFamilies.families()
        .forEach(
            (name, config) -> {
              AllocationReport report =
                  new AllocationRun(
                          TinyFamilies.weights(config, 4), TinyFamilies.tokens(config, 2, 20, 2))
                      .of("{ size: { levels: [ 'int2:g16', 'int4:g16' ], bits: 4.2 } }, rtn")
                      .reports()
                      .getFirst();
              assertThat(report.bitsPerWeight()).as(name).isLessThanOrEqualTo(4.2);
              assertThat(report.rows()).as(name).allMatch(row -> row.score() > 0);
            });
  }

  @Test
  void theFrontierFallsAndTheChoiceLiesOnIt() {
    AllocationReport report =
        run()
            .of("{ " + step("[ 'int2:g16', 'int3:g16', 'int8:channel' ]", "bits: 4") + " }, rtn")
            .reports()
            .getFirst();
    List<AllocationReport.Point> frontier = report.frontier();
    assertThat(frontier).hasSizeGreaterThan(10);
    for (int i = 1; i < frontier.size(); i++) {
      assertThat(frontier.get(i).bytes()).isGreaterThan(frontier.get(i - 1).bytes());
      assertThat(frontier.get(i).predictedError())
          .isLessThanOrEqualTo(frontier.get(i - 1).predictedError());
    }
  }

  @Test
  void aWeightThatDoesNothingGetsTheLeast() {
    Map<String, PackedTensor> tensors = new HashMap<>();
    weights.names().forEach(name -> tensors.put(name, weights.tensor(name)));
    String down = TensorNames.weight(TensorNames.layer(2, TensorNames.DOWN));
    float[] zeros = new float[Math.toIntExact(weights.tensor(down).elements())];
    tensors.put(down, DenseTensor.of(zeros, weights.tensor(down).shape()));
    AllocationReport report =
        new AllocationRun(new InMemoryWeights(weights.config(), tensors, Map.of()), tokens)
            .of("{ " + step("[ 'int2:g16', 'int8:channel' ]", "bits: 6") + " }, rtn")
            .reports()
            .getFirst();
    assertThat(report.rows())
        .filteredOn(row -> row.unit().equals(TensorNames.layer(2, TensorNames.UP)))
        .allMatch(row -> row.level().startsWith("int2") && row.score() < 1e-12);
  }

  @Test
  void weightsThatAreNotFiniteAreRefused() {
    Map<String, PackedTensor> tensors = new HashMap<>();
    weights.names().forEach(name -> tensors.put(name, weights.tensor(name)));
    String name = TensorNames.weight(TensorNames.layer(1, TensorNames.UP));
    float[] broken = weights.tensor(name).toFloats();
    broken[3] = Float.NaN;
    tensors.put(name, DenseTensor.of(broken, weights.tensor(name).shape()));
    assertThatThrownBy(
            () ->
                new AllocationRun(new InMemoryWeights(weights.config(), tensors, Map.of()), tokens)
                    .of("{ size: { bits: 4 } }, rtn"))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("not finite");
  }

  @Test
  void leavesNoNativeMemory() {
    run().of("{ size: { bits: 3.6 } }, rtn");
    long before = Torch.liveObjects();
    run().of("{ size: { bits: 3.6 } }, rtn");
    assertThat(Torch.liveObjects()).isEqualTo(before);
  }

  @Test
  void beatsUniformGptqAtTheSameBytesOnTheBundledModel() {
    int[][] calibration = TinyLm.tokens("calibration.txt", 16, 256);
    int[][] held = TinyLm.tokens("evaluation.txt", 6, 256);
    String solver =
        "{ gptq: { clip: mse, clip_norm: 2, spec: 'int2:g32', embedding: 'int4:g64' } }";
    try (TinyLm lm = new TinyLm();
        ResidentModel original =
            run(lm, calibration, "{ rtn: { spec: int4, targets: [ none ] } }");
        ResidentModel uniform = run(lm, calibration, solver)) {
      AllocationRun sizes = new AllocationRun(lm.weights(), calibration);
      long bytes = sizes.fileBytes(solver, new Allocation());
      String mixed = "{ size: { samples: 8, size: " + bytes + "b } }, " + solver;
      try (ResidentModel chosen = run(lm, calibration, mixed)) {
        double before = TinyLm.divergence(original, uniform, held);
        double after = TinyLm.divergence(original, chosen, held);
        assertThat(after).as("uniform %s", before).isLessThan(0.75 * before);
      }
    }
  }

  private static ResidentModel run(TinyLm lm, int[][] tokens, String steps) {
    return new TinyRun(lm.weights(), tokens, new RecordedEvents(), 2)
        .apply(AllocationRun.steps(steps).toArray(Step[]::new));
  }
}
