package dev.nibble.compress.transform;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.compress.RecordedEvents;
import dev.nibble.compress.Step;
import dev.nibble.compress.testing.TinyFamilies;
import dev.nibble.compress.testing.TinyRun;
import dev.nibble.core.NibbleException;
import dev.nibble.core.model.InMemoryWeights;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.models.Block;
import dev.nibble.models.BlockContext;
import dev.nibble.models.Coupling;
import dev.nibble.models.ResidentModel;
import dev.nibble.models.Torch;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import org.assertj.core.data.Percentage;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SmoothQuantTest extends TransformContract {

  @Override
  Step transform() {
    return new SmoothQuant(new SmoothOptions(0.85, 64));
  }

  @ParameterizedTest
  @ValueSource(doubles = {0, 0.25, 0.5, 0.85, 1, Double.NaN})
  void everyAlphaKeepsTheLogitsOfEveryFamily(double alpha) {
    TinyFamilies.families()
        .forEach(
            (family, config) -> {
              InMemoryWeights weights = TinyFamilies.weights(config, 3);
              int[][] tokens = TinyFamilies.tokens(config, 2, 9, 4);
              float[] expected = logits(weights, tokens);
              RecordedEvents events = new RecordedEvents();
              try (ResidentModel smoothed =
                  new TinyRun(weights, tokens, events, 2)
                      .apply(new SmoothQuant(new SmoothOptions(alpha, 64)))) {
                assertThat(events.of("smoothquant.rolled-back")).as(family).isEmpty();
                assertThat(events.of("smoothquant.scale")).as(family).isNotEmpty();
                assertClose(expected, logits(smoothed, tokens), 1e-4f * largest(expected));
              }
            });
  }

  @Test
  void normsBehindAttentionAndMlpStayAsTheyAre() {
    ModelConfig config = TinyFamilies.gemma();
    InMemoryWeights weights = TinyFamilies.weights(config, 3);
    int[][] tokens = TinyFamilies.tokens(config, 2, 9, 4);
    float[] expected = logits(weights, tokens);
    RecordedEvents events = new RecordedEvents();
    try (ResidentModel smoothed =
        new TinyRun(weights, tokens, events, 2)
            .apply(new SmoothQuant(new SmoothOptions(0.5, 64)))) {
      assertThat(events.of("smoothquant.scale")).hasSize(4);
      assertClose(expected, logits(smoothed, tokens), 1e-4f * largest(expected));
      InMemoryWeights after = smoothed.snapshot();
      String norm = "model.layers.0.mlp_output_layernorm.weight";
      assertThat(after.tensor(norm).toFloats()).isEqualTo(weights.tensor(norm).toFloats());
    }
  }

  @Test
  void halfAlphaBalancesActivationsAndWeights() {
    ModelConfig config = TinyFamilies.families().get("opt");
    int[][] tokens = TinyFamilies.tokens(config, 3, 11, 4);
    try (ResidentModel smoothed =
        new TinyRun(TinyFamilies.weights(config, 3), tokens, new RecordedEvents(), 1)
            .apply(new SmoothQuant(new SmoothOptions(0.5, 64)))) {
      Block block = smoothed.blocks().get(1);
      Coupling attention = block.couplings().getFirst();
      Map<String, double[]> activations = new HashMap<>();
      Torch.noGrad(
          () -> {
            Tensor x =
                smoothed.blocks().getFirst().forward(Torch.tokens(tokens), BlockContext.PLAIN);
            block.forward(
                x,
                new BlockContext(
                    (site, input) ->
                        activations.put(
                            site,
                            Torch.toDoubles(
                                input
                                    .reshape(-1, config.hiddenSize())
                                    .abs()
                                    .amax(new long[] {0}, false)))));
            return null;
          });
      double[] weights = new double[config.hiddenSize()];
      for (String site : attention.consumers()) {
        float[] w = Torch.toFloats(block.parameter(site + ".weight"));
        for (int i = 0; i < w.length; i++) {
          weights[i % weights.length] = Math.max(weights[i % weights.length], Math.abs(w[i]));
        }
      }
      double[] seen = activations.get(attention.consumers().getFirst());
      for (int j = 0; j < seen.length; j++) {
        assertThat(seen[j]).isCloseTo(weights[j], Percentage.withPercentage(0.01));
      }
    }
  }

  @Test
  void deadChannelsAndEmptyColumnsKeepFiniteScales() {
    double[] s = SmoothQuant.scale(new double[] {0, 4, 4, 1e-30}, new double[] {1, 0, 1, 1}, 0.5);
    assertThat(s[0]).isEqualTo(1);
    assertThat(s[1]).isEqualTo(2 / Math.sqrt(1e-5));
    assertThat(s[2]).isEqualTo(2);
    assertThat(s[3]).isEqualTo(1e-5);
    ModelConfig config = TinyFamilies.llama();
    InMemoryWeights weights = TinyFamilies.weights(config, 3);
    InMemoryWeights dead =
        with(weights, "model.layers.0.input_layernorm.weight", 5, 0f); // channel 5 never active
    int[][] one = TinyFamilies.tokens(config, 1, 1, 4); // batch of one, one token
    float[] expected = logits(dead, one);
    try (ResidentModel smoothed =
        new TinyRun(dead, one, new RecordedEvents(), 1)
            .apply(new SmoothQuant(SmoothOptions.DEFAULT))) {
      assertClose(expected, logits(smoothed, one), 1e-4f * largest(expected));
    }
  }

  @Test
  void activationsThatAreNotFiniteAreRefusedByName() {
    ModelConfig config = TinyFamilies.llama();
    InMemoryWeights broken =
        with(
            TinyFamilies.weights(config, 3),
            "model.layers.0.input_layernorm.weight",
            5,
            Float.POSITIVE_INFINITY);
    TinyRun run =
        new TinyRun(broken, TinyFamilies.tokens(config, 1, 4, 4), new RecordedEvents(), 1);
    assertThatThrownBy(() -> run.apply(transform()))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("model.layers.0.self_attn.q_proj")
        .hasMessageContaining("channel 5");
  }

  private static InMemoryWeights with(
      InMemoryWeights weights, String name, int index, float value) {
    Map<String, PackedTensor> tensors = new LinkedHashMap<>();
    weights.names().forEach(n -> tensors.put(n, weights.tensor(n)));
    float[] values = weights.tensor(name).toFloats();
    values[index] = value;
    tensors.put(name, DenseTensor.of(values, weights.tensor(name).shape()));
    return new InMemoryWeights(weights.config(), tensors, Map.of());
  }
}
