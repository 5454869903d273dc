package dev.nibble.compress.transform;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.compress.BlockRun;
import dev.nibble.compress.RecordedEvents;
import dev.nibble.compress.Step;
import dev.nibble.compress.testing.TinyExperts;
import dev.nibble.compress.testing.TinyFamilies;
import dev.nibble.compress.testing.TinyRun;
import dev.nibble.core.model.InMemoryWeights;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.MoeConfig;
import dev.nibble.core.model.TensorNames;
import dev.nibble.models.ResidentModel;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ExpertSmoothTest extends TransformContract {
  private static final int[][] TOKENS = BlockRun.randomTokens(6, 24, 61, 3);

  @Override
  Step transform() {
    return new ExpertSmooth(ExpertSmoothOptions.DEFAULT);
  }

  private static ExpertSmooth with(ExpertSmoothOptions.Merge merge) {
    return new ExpertSmooth(new ExpertSmoothOptions(0.6, merge, true, 99, 0.65, 0.7));
  }

  @ParameterizedTest
  @EnumSource(ExpertSmoothOptions.Merge.class)
  void everyWayOfMergingLeavesLogitsAndChosenExperts(ExpertSmoothOptions.Merge merge) {
    ModelConfig config = TinyExperts.config(8, 2);
    InMemoryWeights weights = TinyExperts.weights(config, 7);
    RecordedEvents events = new RecordedEvents();
    try (ResidentModel before = TinyExperts.load(weights);
        ResidentModel after = new TinyRun(weights, TOKENS, events, 2).apply(with(merge))) {
      assertClose(logits(before, TOKENS), logits(after, TOKENS), 1e-4f);
      assertThat(TinyExperts.choices(after, TOKENS)).isEqualTo(TinyExperts.choices(before, TOKENS));
    }
    assertThat(events.recorded()).noneMatch(e -> e.kind().endsWith("rolled-back"));
    assertThat(events.of("ea_smooth.scale")).isNotEmpty();
    assertThat(events.of("experts.coverage")).hasSize(2);
  }

  @Test
  void theMergedScaleIsAtLeastEveryExpertsOwn() {
    ModelConfig config = TinyExperts.config(4, 2);
    TinyExperts.onBlock(
        TinyExperts.weights(config, 9),
        TOKENS,
        task -> {
          String norm = TensorNames.layer(0, TensorNames.POST_NORM);
          var coupling =
              task.block().couplings().stream()
                  .filter(c -> c.producer().equals(norm))
                  .findFirst()
                  .orElseThrow();
          var seen = ChannelExtremes.gather(task, java.util.Set.copyOf(coupling.consumers()));
          ExpertScales scales = new ExpertScales(task, ExpertSmoothOptions.DEFAULT, seen);
          double[] merged = scales.behindNorm(coupling, config.moe());
          int own = 0;
          for (var stage : task.block().stages()) {
            if (coupling.consumers().contains(stage.sites().getFirst().name())) {
              double[] s = scales.own(stage);
              for (int j = 0; j < s.length; j++) {
                assertThat(merged[j]).isGreaterThanOrEqualTo(s[j]);
              }
              own++;
            }
          }
          assertThat(own).isEqualTo(5); // the router and four experts
        });
  }

  @Test
  void anExpertWithoutTokensContributesNothingAndKeepsItsDownProjection() {
    ModelConfig config = TinyExperts.config(4, 1);
    InMemoryWeights weights = TinyExperts.banish(TinyExperts.weights(config, 5), 2);
    RecordedEvents events = new RecordedEvents();
    try (ResidentModel before = TinyExperts.load(weights);
        ResidentModel after = new TinyRun(weights, TOKENS, events, 2).apply(transform())) {
      assertClose(logits(before, TOKENS), logits(after, TOKENS), 1e-4f);
      String down = TensorNames.expert(0, 2) + ".down_proj.weight";
      assertThat(dev.nibble.models.Torch.toFloats(after.parameters().get(down)))
          .isEqualTo(weights.tensor(down).toFloats());
    }
    assertThat(events.of("experts.coverage").getFirst().what()).contains("see none");
  }

  @ParameterizedTest
  @EnumSource(ExpertSmoothOptions.Merge.class)
  void oneExpertAllExpertsAndASharedOne(ExpertSmoothOptions.Merge merge) {
    List<MoeConfig> shapes =
        List.of(
            TinyExperts.moe(1, 1), // one expert
            TinyExperts.moe(3, 3), // every token goes to all
            TinyExperts.shared(4, 2));
    for (MoeConfig moe : shapes) {
      ModelConfig config = TinyFamilies.llama().withMoe(moe);
      InMemoryWeights weights = TinyExperts.weights(config, 11);
      try (ResidentModel before = TinyExperts.load(weights);
          ResidentModel after =
              new TinyRun(weights, TOKENS, new RecordedEvents(), 1).apply(with(merge))) {
        assertClose(logits(before, TOKENS), logits(after, TOKENS), 1e-4f);
      }
    }
  }

  @Test
  void outlierChannelsAloneAreScaled() {
    double[] max = {1, 1.1, 0.9, 1, 40, 1, 1.2, 38, 0.8, 1};
    double[] min = {-1, -1, -1, -20, -1, -1, -1, -1, -1, -1};
    double[] s = OutlierScale.of(new ChannelExtremes(min, max, 5), 0.65, 0.7);
    Map<Integer, Double> scaled = new java.util.TreeMap<>();
    for (int j = 0; j < s.length; j++) {
      if (s[j] != 1) {
        scaled.put(j, s[j]);
      }
    }
    // Otsu splits what exceeds the fence: 38 is the largest normal value of the upper side
    assertThat(scaled.keySet()).containsExactly(3, 4);
    assertThat(scaled.get(3))
        .isCloseTo(Math.pow(20, 0.7), org.assertj.core.data.Offset.offset(1e-9));
    assertThat(OutlierScale.otsu(new double[] {2, 2.1, 2.2, 9, 9.5})).isEqualTo(3);
    assertThat(OutlierScale.otsu(new double[] {4})).isZero();
    double[] dead = new double[4];
    assertThat(OutlierScale.of(new ChannelExtremes(dead, dead, 1), 0.65, 0.7)).containsOnly(1);
  }
}
