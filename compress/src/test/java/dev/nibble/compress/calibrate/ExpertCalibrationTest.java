package dev.nibble.compress.calibrate;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.nibble.compress.BlockRun;
import dev.nibble.compress.CalibrationRun;
import dev.nibble.compress.ModelTask;
import dev.nibble.compress.recipe.StepRegistry;
import dev.nibble.compress.testing.TinyExperts;
import dev.nibble.compress.testing.TinyFamilies;
import dev.nibble.core.model.InMemoryWeights;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.TensorNames;
import dev.nibble.models.DecoderModel;
import dev.nibble.models.Stage;
import dev.nibble.models.Torch;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.Test;

/** What experts' Hessians are made of. */
class ExpertCalibrationTest {
  private static final ModelConfig LLAMA = TinyFamilies.llama();
  private static final int SEQUENCES = 8;
  private static final int LENGTH = 24;
  private static final int[][] TOKENS = BlockRun.randomTokens(SEQUENCES, LENGTH, 61, 8);
  private static final InMemoryWeights WEIGHTS = TinyExperts.weights(TinyExperts.config(6, 2), 21);

  private static Map<String, Long> tokens(Map<Stage, Hessian> hessians) {
    Map<String, Long> out = new HashMap<>();
    hessians.forEach((stage, h) -> out.put(stage.sites().getFirst().name(), h.tokens()));
    hessians.values().forEach(Hessian::close);
    return out;
  }

  @Test
  void anExpertsHessianIsThatOfItsTokens() {
    TinyExperts.onBlock(
        WEIGHTS,
        TOKENS,
        task -> {
          Map<String, Long> routed = new ConcurrentHashMap<>();
          for (int b = 0; b < task.batches(); b++) {
            CalibrationRun.observe(
                task, b, (site, x) -> routed.merge(site, x.numel() / x.size(-1), Long::sum));
          }
          Map<String, Long> found = tokens(HessianPass.collect(task, task.block().stages()));
          long choices = 0;
          for (Map.Entry<String, Long> each : found.entrySet()) {
            String site = each.getKey();
            if (routed.getOrDefault(site, 0L) >= 8) {
              assertThat(each.getValue()).as(site).isEqualTo(routed.get(site));
            }
            choices += site.endsWith("gate_proj") ? routed.getOrDefault(site, 0L) : 0;
          }
          assertThat(choices).isEqualTo(2L * SEQUENCES * LENGTH);
        });
  }

  @Test
  void anExpertBelowTheMinimumIsShownEveryTokenAndTheBlockComputesTheSame() {
    InMemoryWeights weights =
        TinyExperts.banish(TinyExperts.weights(TinyExperts.config(4, 1), 5), 2);
    TinyExperts.onBlock(
        weights,
        TOKENS,
        task -> {
          float[] before = output(task);
          Map<String, Long> found = tokens(HessianPass.collect(task, task.block().stages()));
          String gate = TensorNames.expert(0, 2) + ".gate_proj";
          assertThat(found.get(gate)).isEqualTo((long) SEQUENCES * LENGTH);
          assertThat(found.get(TensorNames.expert(0, 2) + ".down_proj"))
              .isEqualTo((long) SEQUENCES * LENGTH);
          assertThat(found.get(TensorNames.expert(0, 0) + ".gate_proj"))
              .isLessThan((long) SEQUENCES * LENGTH);
          assertThat(output(task)).isEqualTo(before);
        });
  }

  private static float[] output(dev.nibble.compress.BlockTask task) {
    try (var y = CalibrationRun.output(task, 0)) {
      return Torch.toFloats(y);
    }
  }

  /** Every reachable expert has its quota or all there is; other sites read the base alone. */
  @Test
  void aQuotaCapsFrequentExpertsAndLetsRareOnesReadTheReserve() {
    TinyExperts.onBlock(
        WEIGHTS,
        TOKENS,
        task -> {
          long quota = 30;
          List<Stage> stages = task.block().stages();
          Map<String, Long> all = tokens(HessianPass.collect(task, stages));
          task.notes().expertQuota(new ExpertQuota(quota, SEQUENCES / 2));
          Map<String, Long> found = tokens(HessianPass.collect(task, stages));
          int capped = 0;
          for (Map.Entry<String, Long> each : found.entrySet()) {
            String site = each.getKey();
            if (!ExpertCoverage.routed(site)) {
              assertThat(each.getValue()).as(site).isEqualTo((long) SEQUENCES / 2 * LENGTH);
            } else if (all.get(site) < (long) SEQUENCES * LENGTH) {
              assertThat(each.getValue()).as(site).isEqualTo(Math.min(quota, all.get(site)));
              capped += all.get(site) > quota ? 1 : 0;
            }
          }
          assertThat(capped).isPositive();
        });
  }

  @Test
  void theStepSetsTheQuotaOfLayersWithExperts() {
    assertThat(
            StepRegistry.load()
                .create("expert_balance", "test", JsonNodeFactory.instance.objectNode())
                .objections(LLAMA))
        .singleElement()
        .asString()
        .contains("no experts");
    TinyExperts.onBlock(
        WEIGHTS,
        TOKENS,
        task -> {
          ExpertBalance balance = new ExpertBalance(2, 0.25);
          balance.prepare(
              new ModelTask(
                  DecoderModel.open(WEIGHTS),
                  0,
                  task.events(),
                  null,
                  null,
                  null,
                  null,
                  null,
                  null,
                  null));
          balance.apply(task);
          // 2 of 6 experts, 24 tokens a sequence, twice the fair share
          assertThat(task.notes().expertQuota()).contains(new ExpertQuota(16, 6));
        });
  }

  @Test
  void theTargetIsAFairShareOfASequence() {
    // OLMoE: 8 of 64 experts, 4096 tokens, twice the fair share
    assertThat(ExpertBalance.target(TinyExperts.moe(64, 8), 2, 4096)).isEqualTo(1024);
    assertThat(ExpertBalance.base(128, 0.5)).isEqualTo(64);
    assertThat(ExpertBalance.base(1, 0.9)).isEqualTo(1);
  }
}
