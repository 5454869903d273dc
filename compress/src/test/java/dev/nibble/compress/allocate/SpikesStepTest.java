package dev.nibble.compress.allocate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.compress.BlockRun;
import dev.nibble.compress.RecordedEvents;
import dev.nibble.compress.Step;
import dev.nibble.compress.TinyModels;
import dev.nibble.compress.testing.TinyExperts;
import dev.nibble.compress.testing.TinyFamilies;
import dev.nibble.compress.testing.TinyRun;
import dev.nibble.core.NibbleException;
import dev.nibble.core.model.InMemoryWeights;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.ModelWeights;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.op.ActivationQuant.Granularity;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.models.DecoderModel;
import dev.nibble.models.ResidentModel;
import dev.nibble.models.Torch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.BiConsumer;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The step spikes. */
class SpikesStepTest {
  private static final ModelConfig CONFIG = TinyModels.llama(61, 32, 48, 5);
  private static final InMemoryWeights PLAIN = TinyFamilies.weights(CONFIG, 3);
  private static final int[][] TOKENS = TinyFamilies.tokens(CONFIG, 4, 24, 8);
  private static final String W8A8 =
      "{ rtn: { spec: \"int8:channel:sym\" } }, { activation: { granularity: tensor } }";

  /** The inputs that spikes are planted in. */
  private static final Set<String> PLANTED = Set.of(down(1), down(3));

  private static String down(int layer) {
    return TensorNames.layer(layer, TensorNames.DOWN);
  }

  /** The model with tensors changed in place. */
  private static InMemoryWeights changed(ModelWeights from, BiConsumer<String, float[]> change) {
    Map<String, PackedTensor> tensors = new HashMap<>();
    for (String name : from.names()) {
      float[] values = from.tensor(name).toFloats();
      change.accept(name, values);
      tensors.put(name, DenseTensor.of(values, from.tensor(name).shape()));
    }
    return new InMemoryWeights(from.config(), tensors, Map.of());
  }

  /**
   * Channel {@code j} of the up projections of two layers 500 times as large, the function kept.
   */
  private static InMemoryWeights planted(ModelWeights from, int j) {
    int hidden = from.config().hiddenSize();
    return changed(
        from,
        (name, w) -> {
          if (PLANTED.stream().anyMatch(d -> name.equals(d.replace("down", "up") + ".weight"))) {
            for (int i = 0; i < hidden; i++) {
              w[j * hidden + i] *= 500;
            }
          } else if (PLANTED.stream().anyMatch(d -> name.equals(d + ".weight"))) {
            int width = w.length / hidden;
            for (int i = 0; i < hidden; i++) {
              w[i * width + j] /= 500;
            }
          }
        });
  }

  private static Set<String> flagged(Allocation allocation) {
    Set<String> out = new TreeSet<>();
    allocation.reports().getLast().rows().stream()
        .map(AllocationReport.Row::unit)
        .filter(allocation::keepsInput)
        .forEach(out::add);
    assertThat(allocation.sites().keySet()).isEqualTo(out);
    return out;
  }

  private static Allocation allocation(ModelWeights weights, String options) {
    return new AllocationRun(weights, TOKENS).of(recipe(options));
  }

  private static String recipe(String options) {
    return "{ spikes: { " + options + " } }, " + W8A8;
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "detector: max",
        "detector: topk",
        "detector: error",
        "detector: error, bits: 6",
        "scope: down_proj"
      })
  void plantedSpikesAreFoundAndNothingElse(String options) {
    assertThat(flagged(allocation(planted(PLAIN, 7), options))).isEqualTo(PLANTED);
  }

  @Test
  void scoresAreOverTheMedianOfAllLinearsThatReadAnything() {
    double[] scores = SpikesStep.overMedian(new double[] {4, 0, Double.NaN, 1, 2, 30});
    assertThat(scores).containsExactly(4 / 3., 0, Double.NaN, 1 / 3., 2 / 3., 10);
    assertThat(SpikesStep.overMedian(new double[] {0, 0})).containsOnly(0);
    assertThat(InputPeaks.typical(new float[] {0, 5, 0, 1, 3}, 50)).isEqualTo(3);
    assertThat(InputPeaks.typical(new float[] {0, 5, 0, 1, 3}, 100)).isEqualTo(5);
    assertThat(InputPeaks.typical(new float[] {0, 5, 0, 1, 3}, 1)).isEqualTo(1);
    assertThat(InputPeaks.largest(new float[0])).isNaN();
    assertThat(InputPeaks.largest(new float[] {1, Float.NaN})).isInfinite();
  }

  @Test
  void flaggedLinearsKeepWeightAndInputAndTheOthersDoNot() {
    List<Step> steps = AllocationRun.steps(recipe("detector: max"));
    RecordedEvents events = new RecordedEvents();
    try (ResidentModel model =
        new TinyRun(planted(PLAIN, 7), TOKENS, events, 2).apply(steps.toArray(Step[]::new))) {
      model.blocks().stream()
          .filter(block -> block.name().startsWith("model.layers."))
          .forEach(
              block ->
                  block
                      .sites()
                      .forEach(
                          site -> {
                            boolean kept = PLANTED.contains(site.name());
                            assertThat(block.state(site.name()).packed().isEmpty())
                                .as(site.name())
                                .isEqualTo(kept);
                            assertThat(block.state(site.name()).inputQuant().isEmpty())
                                .as(site.name())
                                .isEqualTo(kept);
                          }));
    }
    assertThat(events.of("spikes.flagged")).hasSize(2);
  }

  @Test
  void staticScalesLeaveFlaggedInputsAloneToo() {
    String recipe =
        "{ spikes: { high_format: fp8_e5m2 } }, { rtn: { spec: \"int6:tensor:sym\" } },"
            + " { activation: { bits: 6, static: true, percentile: 99.9 } }";
    BlockRun run = BlockRun.of(planted(PLAIN, 7), AllocationRun.steps(recipe), TOKENS, 2);
    assertThat(run.packed().get(down(1)).typeName()).startsWith("fp8-e5m2:channel");
    assertThat(run.packed().get(down(2)).typeName()).startsWith("int6:tensor");
    try (ResidentModel model =
        new TinyRun(planted(PLAIN, 7), TOKENS, new RecordedEvents(), 1)
            .apply(AllocationRun.steps(recipe).toArray(Step[]::new))) {
      assertThat(model.blocks().get(2).state(down(1)).inputQuant()).isEmpty();
      assertThat(model.blocks().get(3).state(down(2)).inputQuant().orElseThrow())
          .matches(q -> q.isStatic() && q.bits() == 6 && q.granularity() == Granularity.TENSOR);
    }
  }

  @Test
  void eightBitFloatsAreCloseToTheWeightsThatTheyStandFor() {
    for (String format : List.of("fp8_e4m3", "fp8_e5m2")) {
      InMemoryWeights weights = planted(PLAIN, 7);
      List<Step> steps = AllocationRun.steps(recipe("high_format: " + format));
      float[] found = BlockRun.of(weights, steps, TOKENS, 1).packed().get(down(1)).toFloats();
      float[] w = weights.tensor(down(1) + ".weight").toFloats();
      double half = format.equals("fp8_e4m3") ? 1 / 16.0 : 1 / 8.0;
      for (int i = 7; i < w.length; i += 48) {
        // the column divided by 500: subnormal in e4m3, with two bits of mantissa in e5m2
        double step =
            format.equals("fp8_e4m3") ? Math.max(half * Math.abs(w[i]), 1) : half * Math.abs(w[i]);
        assertThat((double) found[i]).isCloseTo(w[i], within(step));
      }
    }
  }

  @Test
  void withoutSpikesTheResultIsThatOfTheOtherSteps() {
    assertThat(allocation(PLAIN, "detector: max").isEmpty()).isTrue();
    List<Step> with = AllocationRun.steps(recipe("detector: max"));
    Map<String, float[]> found = BlockRun.of(PLAIN, with, TOKENS, 2).parameters();
    Map<String, float[]> expected =
        BlockRun.of(PLAIN, AllocationRun.steps(W8A8), TOKENS, 2).parameters();
    assertThat(found.keySet()).isEqualTo(expected.keySet());
    found.forEach((site, w) -> assertThat(w).as(site).isEqualTo(expected.get(site)));
    assertThat(logits(PLAIN, with)).isEqualTo(logits(PLAIN, AllocationRun.steps(W8A8)));
  }

  private static float[] logits(ModelWeights weights, List<Step> steps) {
    try (ResidentModel model =
        new TinyRun(weights, TOKENS, new RecordedEvents(), 2).apply(steps.toArray(Step[]::new))) {
      try (Tensor out = TinyLm.logProbabilities(model, TOKENS[0])) {
        return Torch.toFloats(out);
      }
    }
  }

  private static double divergence(ModelWeights weights, int[][] tokens, String recipe) {
    try (ResidentModel original = DecoderModel.open(weights).loadAll();
        ResidentModel model =
            new TinyRun(weights, tokens, new RecordedEvents(), 2)
                .apply(AllocationRun.steps(recipe).toArray(Step[]::new))) {
      return TinyLm.divergence(original, model, tokens);
    }
  }

  /** Sheet 26, acceptance 2, on the bundled model. */
  @Test
  void keepingTheSpikesClosesTheGapOfPerTensorInputsAndKeepingOthersDoesNot() {
    try (TinyLm lm = new TinyLm()) {
      ModelWeights weights = planted(lm.weights(), 7);
      int[][] tokens = TinyLm.tokens("calibration.txt", 3, 96);
      double uniform = divergence(weights, tokens, W8A8);
      double aware = divergence(weights, tokens, recipe("detector: max"));
      double random = divergence(weights, tokens, recipe("control: random"));
      double e4m3 = divergence(weights, tokens, recipe("high_format: fp8_e4m3"));
      double e5m2 = divergence(weights, tokens, recipe("high_format: fp8_e5m2"));
      assertThat(aware).isLessThan(0.2 * uniform);
      assertThat(random).isGreaterThan(0.8 * uniform);
      assertThat(e4m3 - aware).isLessThan(0.1 * (uniform - aware));
      assertThat(e5m2 - aware).isLessThan(0.1 * (uniform - aware));
    }
  }

  @Test
  void theControlFlagsAsManyOthers() {
    InMemoryWeights weights = planted(PLAIN, 7);
    AllocationRun run = new AllocationRun(weights, TOKENS);
    Set<String> drawn = flagged(run.of(recipe("control: random")));
    assertThat(drawn).hasSize(2).doesNotContainAnyElementsOf(PLANTED);
    assertThat(run.events().of("spikes.control")).hasSize(2);
    assertThat(flagged(run.seed(6).of(recipe("control: random")))).isNotEqualTo(drawn);
    assertThat(flagged(run.of(recipe("control: random, scope: down_proj"))))
        .hasSize(2)
        .allMatch(site -> site.endsWith("down_proj"));
  }

  /** A linear that no calibration token reaches: an expert that the router never picks. */
  @Test
  void anUnseenLinearIsNamedAndLeftToTheOthers() {
    ModelConfig config = TinyExperts.config(4, 1);
    InMemoryWeights weights = TinyExperts.banish(TinyExperts.weights(config, 3), 1);
    int[][] tokens = TinyFamilies.tokens(config, 2, 16, 8);
    for (String detector : List.of("max", "error")) {
      AllocationRun run = new AllocationRun(weights, tokens);
      Allocation allocation =
          run.of("{ spikes: { detector: " + detector + " } }, { rtn: { spec: \"int8:channel\" } }");
      List<String> unseen = run.events().sites("spikes.unseen");
      assertThat(unseen).isNotEmpty().allMatch(site -> site.contains(".mlp.experts.1."));
      assertThat(unseen).noneMatch(allocation::keepsInput);
    }
  }

  /** A first token that alone opens one gate of the first layer, wide. */
  private static InMemoryWeights tokenSpike() {
    int hidden = CONFIG.hiddenSize();
    int k = 5;
    int j = 9;
    return changed(
        PLAIN,
        (name, w) -> {
          switch (name) {
            case "model.embed_tokens.weight" -> {
              for (int row = 0; row < w.length / hidden; row++) {
                w[row * hidden + k] = row == 0 ? 50 : 0;
              }
            }
            case "model.layers.0.self_attn.o_proj.weight" ->
                Arrays.fill(w, k * w.length / hidden, (k + 1) * w.length / hidden, 0);
            case "model.layers.0.mlp.gate_proj.weight", "model.layers.0.mlp.up_proj.weight" -> {
              Arrays.fill(w, j * hidden, (j + 1) * hidden, 0);
              w[j * hidden + k] = 8;
            }
            case "model.layers.0.mlp.down_proj.weight" -> {
              for (int i = 0; i < hidden; i++) {
                w[i * (w.length / hidden) + j] = 0;
              }
            }
            default -> {}
          }
        });
  }

  private static int[][] startingWith(int first) {
    List<int[]> out = new ArrayList<>();
    for (int[] sequence : TOKENS) {
      int[] copy = sequence.clone();
      for (int t = 0; t < copy.length; t++) {
        copy[t] = Math.max(1, copy[t]);
      }
      copy[0] = first;
      out.add(copy);
    }
    return out.toArray(int[][]::new);
  }

  @Test
  void aSpikeOfOneTokenIsFoundAndHurtsPerTensorInputsAlone() {
    InMemoryWeights weights = tokenSpike();
    AllocationRun run = new AllocationRun(weights, startingWith(0));
    assertThat(flagged(run.of(recipe("detector: token")))).containsExactly(down(0));
    assertThat(flagged(new AllocationRun(weights, startingWith(1)).of(recipe("detector: token"))))
        .isEmpty();
    String only = ", targets: [ \"layers.0.mlp.down_proj\" ] } }";
    double[] tensor = new double[2];
    double[] token = new double[2];
    for (int first = 0; first < 2; first++) {
      int[][] tokens = startingWith(first);
      tensor[first] = divergence(weights, tokens, "{ activation: { granularity: tensor" + only);
      token[first] = divergence(weights, tokens, "{ activation: { granularity: token" + only);
    }
    assertThat(tensor[0]).isGreaterThan(100 * tensor[1]);
    // the token of the spike is coarse under its own scale, too, and the others attend to it
    assertThat(token[0]).isLessThan(0.01 * tensor[0]);
  }

  @Test
  void oddInputsAreRefusedOrReported() {
    InMemoryWeights infinite =
        changed(
            PLAIN,
            (name, w) -> {
              if (name.equals("model.layers.2.mlp.up_proj.weight")) {
                Arrays.fill(w, 1e38f);
              }
            });
    assertThatThrownBy(() -> allocation(infinite, "detector: max"))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining(down(2))
        .hasMessageContaining("not finite");
    InMemoryWeights silent =
        changed(
            PLAIN,
            (name, w) -> {
              if (name.equals("model.layers.2.mlp.up_proj.weight")) {
                Arrays.fill(w, 0f);
              }
            });
    for (String detector : List.of("max", "token", "topk", "error")) {
      AllocationRun run = new AllocationRun(silent, TOKENS);
      assertThat(flagged(run.of(recipe("detector: " + detector)))).doesNotContain(down(2));
      assertThat(run.events().of("spikes.zero")).hasSize(1);
    }
  }

  @Test
  void aThresholdThatFlagsEverythingWarns() {
    AllocationRun run = new AllocationRun(PLAIN, TOKENS);
    assertThat(flagged(run.of(recipe("threshold: 0")))).hasSize(5 * 7);
    assertThat(run.events().of("spikes.all")).hasSize(1);
    assertThat(flagged(run.of(recipe("threshold: 0, control: random")))).isEmpty();
  }

  @Test
  void optionsThatDoNothingAreRefused() {
    for (String options :
        List.of(
            "detector: topk, threshold: 5",
            "top_k: 3",
            "percentile: 99",
            "bits: 6",
            "high_format: fp9")) {
      assertThatThrownBy(() -> AllocationRun.steps(recipe(options)))
          .as(options)
          .isInstanceOf(NibbleException.class)
          .hasMessageContaining("spikes");
    }
  }

  @Test
  void anotherThresholdReadsNoWeightsAndThreadsDoNotMatter() {
    for (String detector : List.of("max", "token", "error")) {
      InMemoryWeights weights = planted(PLAIN, 7);
      AllocationRun first = new AllocationRun(weights, TOKENS).threads(1);
      Allocation one = first.of(recipe("detector: " + detector));
      Allocation three =
          new AllocationRun(weights, TOKENS).threads(3).of(recipe("detector: " + detector));
      assertThat(three.reports()).isEqualTo(one.reports());
      assertThat(
              new AllocationRun(new Unreadable(weights), TOKENS)
                  .after(first)
                  .of(recipe("detector: " + detector))
                  .reports())
          .isEqualTo(one.reports());
    }
  }
}
