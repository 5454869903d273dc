package dev.nibble.compress.solve;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.compress.BlockRun;
import dev.nibble.compress.RecordedEvents;
import dev.nibble.compress.Step;
import dev.nibble.compress.recipe.Recipe;
import dev.nibble.compress.recipe.RecipeStep;
import dev.nibble.compress.testing.TinyExperts;
import dev.nibble.compress.testing.TinyFamilies;
import dev.nibble.core.model.InMemoryWeights;
import dev.nibble.core.model.MoeConfig;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Steps on mixtures of experts, one expert of which sees nothing. */
class ExpertStepsTest {
  private static final int[][] TOKENS = BlockRun.randomTokens(6, 24, 61, 17);
  private static final String UNSEEN = "model.layers.0.mlp.experts.2.";

  static Stream<String> recipes() {
    return Stream.of(
        "rtn: { spec: int3:g8 }",
        "gptq: { spec: int3:g8 }",
        "gptq: { spec: int3:channel, true_sequential: false }",
        "gptq: { spec: int4:g16, act_order: true }",
        "quantease: { spec: int3:channel }",
        "awq: { spec: int4:g8 }\n  - rtn: { spec: int4:g8 }",
        "smoothquant: { alpha: auto }\n  - rtn: { spec: int8:channel }",
        "rotate: { kind: hadamard }\n  - gptq: { spec: int3:g8 }",
        "rescale: {}\n  - rtn: { spec: int4:g8 }",
        "expert_balance: {}\n  - gptq: { spec: int3:g8 }",
        "ea_smooth: {}\n  - rtn: { spec: int4:channel }\n  - router_alignment: {}\n"
            + "  - activation: { bits: 4 }",
        "rtn: { spec: int4:channel }\n  - activation: { static: true, percentile: 99 }");
  }

  private static List<Step> steps(String text) {
    Recipe recipe =
        Recipe.parse(
            "name: t\ncalibration: { data: bundled, samples: 6, length: 24 }\nsteps:\n  - " + text,
            "t");
    List<Step> out = new ArrayList<>();
    recipe.steps().stream().map(RecipeStep::step).forEach(out::add);
    return out;
  }

  private static InMemoryWeights model(MoeConfig moe) {
    return TinyExperts.banish(TinyExperts.weights(TinyFamilies.llama().withMoe(moe), 31), 2);
  }

  @ParameterizedTest
  @MethodSource("recipes")
  void everyExpertIsSolvedAndThreadsDoNotMatter(String recipe) {
    for (MoeConfig moe : List.of(TinyExperts.moe(4, 1), TinyExperts.shared(5, 1))) {
      InMemoryWeights weights = model(moe);
      BlockRun one = BlockRun.of(weights, steps(recipe), TOKENS, 1);
      BlockRun three = BlockRun.of(weights, steps(recipe), TOKENS, 3);
      one.parameters()
          .forEach(
              (site, w) -> {
                assertThat(three.parameters().get(site)).as(site).isEqualTo(w);
                for (float value : w) {
                  assertThat(value).as(site).isFinite();
                }
              });
      Set<String> solved = one.events().solved().keySet();
      int linears = 2 * (4 + 3 * moe.experts() + (moe.sharedSize() > 0 ? 3 : 0));
      assertThat(solved.stream().filter(s -> !s.endsWith("router")).count()).isEqualTo(linears);
      assertThat(solved).contains(UNSEEN + "gate_proj", UNSEEN + "down_proj");
      assertThat(one.events().recorded()).isEqualTo(three.events().recorded());
      assertThat(one.events().recorded()).noneMatch(e -> e.kind().endsWith("rolled-back"));
      one.events()
          .solved()
          .forEach(
              (site, s) -> {
                boolean router = site.endsWith("router"); // looks at the choices, not the error
                assertThat(s.relativeError())
                    .as(site)
                    .isLessThanOrEqualTo(router ? 0.01 : s.rtnRelativeError() * 1.000001);
              });
    }
  }

  @Test
  void anUnseenExpertIsSolvedWithTheInputsOfAllTokensAndSaidAloud() {
    BlockRun run =
        BlockRun.of(model(TinyExperts.moe(4, 1)), steps("gptq: { spec: int3:g8 }"), TOKENS, 2);
    assertThat(run.events().of("experts.few-tokens"))
        .extracting(RecordedEvents.Recorded::site)
        .contains(UNSEEN + "gate_proj", UNSEEN + "down_proj");
    assertThat(run.events().of("experts.coverage")).hasSize(2);
    assertThat(run.events().of("experts.coverage").getFirst().what()).contains("1 see none");
    assertThat(run.events().of("gptq.fallback")).isEmpty();
    RecordedEvents.Solved solved = run.events().solved().get(UNSEEN + "gate_proj");
    assertThat(solved.relativeError()).isPositive().isLessThan(solved.rtnRelativeError());
  }
}
