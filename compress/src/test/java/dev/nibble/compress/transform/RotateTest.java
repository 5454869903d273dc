package dev.nibble.compress.transform;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.nibble.compress.RecordedEvents;
import dev.nibble.compress.Step;
import dev.nibble.compress.recipe.OptionReader;
import dev.nibble.compress.testing.TinyFamilies;
import dev.nibble.compress.testing.TinyRun;
import dev.nibble.core.NibbleException;
import dev.nibble.core.model.InMemoryWeights;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.op.OnlineTransform;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.models.ResidentModel;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class RotateTest extends TransformContract {

  /** A matrix that is not symmetric: swapped sides would show. */
  @Override
  Step transform() {
    return rotate(ResidualRotation.Kind.RANDOM, RotationOptions.Online.values());
  }

  static Rotate rotate(ResidualRotation.Kind kind, RotationOptions.Online... online) {
    return new Rotate(new RotationOptions(kind, 7, Set.of(online)));
  }

  @ParameterizedTest
  @EnumSource
  void everyKindKeepsTheLogitsOfEveryFamily(ResidualRotation.Kind kind) {
    TinyFamilies.families()
        .forEach(
            (family, config) -> {
              InMemoryWeights weights = TinyFamilies.weights(config, 3);
              int[][] tokens = TinyFamilies.tokens(config, 2, 10, 4);
              RecordedEvents events = new RecordedEvents();
              try (ResidentModel rotated =
                  new TinyRun(weights, tokens, events, 1)
                      .apply(rotate(kind, RotationOptions.Online.values()))) {
                assertThat(events.of("rotate.rolled-back")).as(family).isEmpty();
                assertThat(events.of("rotate.verified")).as(family).hasSize(1);
                assertClose(logits(weights, tokens), logits(rotated, tokens), 1e-3f);
                assertThat(rotated.config().norm()).isEqualTo(ModelConfig.Norm.RMS);
              }
            });
  }

  @Test
  void normsBehindAttentionAndMlpAreAnObjection() {
    assertThat(rotate(ResidualRotation.Kind.HADAMARD).objections(TinyFamilies.gemma()))
        .singleElement()
        .asString()
        .contains("norms behind attention and MLP");
  }

  @Test
  void weightsReallyTurnAndRunTimeKeepsItsPart() {
    ModelConfig config = TinyFamilies.llama();
    InMemoryWeights weights = TinyFamilies.weights(config, 3);
    RecordedEvents events = new RecordedEvents();
    try (ResidentModel rotated =
        new TinyRun(weights, TinyFamilies.tokens(config, 1, 4, 4), events, 1)
            .apply(rotate(ResidualRotation.Kind.HADAMARD, RotationOptions.Online.values()))) {
      InMemoryWeights after = rotated.snapshot();
      String q = TensorNames.weight(TensorNames.layer(0, TensorNames.Q));
      assertThat(after.tensor(q).toFloats()).isNotEqualTo(weights.tensor(q).toFloats());
      assertThat(after.tensor("model.layers.1.input_layernorm.weight").toFloats()).containsOnly(1f);
      assertThat(after.siteOps())
          .containsOnlyKeys(
              "model.layers.0.self_attn",
              "model.layers.0.self_attn.o_proj",
              "model.layers.0.mlp.down_proj",
              "model.layers.1.self_attn",
              "model.layers.1.self_attn.o_proj",
              "model.layers.1.mlp.down_proj");
      assertThat(after.siteOps().get("model.layers.1.self_attn.o_proj").onlineTransforms())
          .containsExactly(new OnlineTransform.HeadHadamard(4, 8));
      assertThat(after.siteOps().get("model.layers.1.mlp.down_proj").onlineTransforms())
          .containsExactly(new OnlineTransform.Hadamard(64));
    }
  }

  @Test
  void sameSeedSameWeightsOtherSeedOthers() {
    ModelConfig config = TinyFamilies.llama();
    float[] first = embedding(config, 1);
    assertThat(embedding(config, 1)).isEqualTo(first);
    assertThat(embedding(config, 2)).isNotEqualTo(first);
  }

  private static float[] embedding(ModelConfig config, long seed) {
    Rotate step = new Rotate(new RotationOptions(ResidualRotation.Kind.HADAMARD, seed, Set.of()));
    try (ResidentModel model =
        new TinyRun(
                TinyFamilies.weights(config, 3),
                TinyFamilies.tokens(config, 1, 4, 4),
                new RecordedEvents(),
                1)
            .apply(step)) {
      return model.snapshot().tensor("model.embed_tokens.weight").toFloats();
    }
  }

  @Test
  void aTiedHeadIsUntiedAndItsCostSaid() {
    ModelConfig config = TinyFamilies.families().get("qwen2");
    RecordedEvents events = new RecordedEvents();
    try (ResidentModel rotated =
        new TinyRun(
                TinyFamilies.weights(config, 3), TinyFamilies.tokens(config, 1, 4, 4), events, 1)
            .apply(rotate(ResidualRotation.Kind.HADAMARD))) {
      assertThat(rotated.config().tiedHead()).isFalse();
      assertThat(events.of("rotate.untied").getFirst().what()).contains(Integer.toString(61 * 32));
    }
  }

  @Test
  void widthsWithoutAMatrixAreSaidAloud() {
    RotationOptions all =
        new RotationOptions(
            ResidualRotation.Kind.HADAMARD, 0, EnumSet.allOf(RotationOptions.Online.class));
    OnlineHadamards nine = OnlineHadamards.of(shape(9, 64, 1536), all);
    assertThat(nine.perHead()).isEmpty();
    assertThat(nine.outputOnline()).contains(new OnlineTransform.Hadamard(576));
    assertThat(nine.down().values()).containsExactly(new OnlineTransform.Hadamard(1536));
    assertThat(nine.notes()).hasSize(1).first().asString().contains("9 heads");
    OnlineHadamards odd = OnlineHadamards.of(shape(7, 10, 92), all);
    assertThat(odd.down().values()).containsExactly(new OnlineTransform.BlockHadamard(4));
    assertThat(odd.notes()).anyMatch(n -> n.contains("92") && n.contains("blocks of 4"));
    assertThat(OnlineHadamards.of(shape(8, 8, 1376), all).down().values())
        .containsExactly(new OnlineTransform.Hadamard(1376));
  }

  private static ModelConfig shape(int heads, int dim, int ffn) {
    ModelConfig.Norm rms = ModelConfig.Norm.RMS;
    return new TinyFamilies.Shape(
            rms,
            ModelConfig.Residual.SEQUENTIAL,
            ModelConfig.Activation.SILU,
            true,
            ModelConfig.Positions.ROPE,
            heads,
            heads,
            dim,
            ffn,
            false,
            false,
            false,
            false,
            false,
            0)
        .config();
  }

  @Test
  void modelsThatCannotBeTurnedAreRefusedWithTheReason() {
    ModelConfig postNorm =
        new TinyFamilies.Shape(
                ModelConfig.Norm.LAYER,
                ModelConfig.Residual.POST_NORM,
                ModelConfig.Activation.RELU,
                false,
                ModelConfig.Positions.LEARNED,
                4,
                4,
                8,
                64,
                true,
                true,
                false,
                false,
                true,
                0)
            .config();
    assertThat(transform().objections(postNorm)).hasSize(1).first().asString().contains("norms");
    int[][] tokens = TinyFamilies.tokens(postNorm, 1, 4, 1);
    TinyRun run = new TinyRun(TinyFamilies.weights(postNorm, 1), tokens, new RecordedEvents(), 1);
    assertThatThrownBy(() -> run.apply(transform()))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("leave rotate out");
  }

  @Test
  void aBlockThatDiffersRollsEverythingBack() {
    ModelConfig config = TinyFamilies.llama();
    InMemoryWeights weights = TinyFamilies.weights(config, 3);
    Map<String, PackedTensor> broken = new LinkedHashMap<>();
    weights.names().forEach(name -> broken.put(name, weights.tensor(name)));
    String name = "model.layers.1.mlp.down_proj.weight";
    float[] values = weights.tensor(name).toFloats();
    values[5] = Float.NaN;
    broken.put(name, DenseTensor.of(values, 32, 64));
    RecordedEvents events = new RecordedEvents();
    try (ResidentModel model =
        new TinyRun(
                new InMemoryWeights(config, broken, Map.of()),
                TinyFamilies.tokens(config, 1, 4, 4),
                events,
                1)
            .apply(transform())) {
      assertThat(events.of("rotate.rolled-back"))
          .singleElement()
          .satisfies(e -> assertThat(e.site()).isEqualTo("model.layers.1"));
      String q = "model.layers.0.self_attn.q_proj.weight";
      assertThat(model.snapshot().tensor(q).toFloats()).isEqualTo(weights.tensor(q).toFloats());
      assertThat(model.snapshot().siteOps()).isEmpty();
    }
  }

  @Test
  void optionsAreReadAndWrongOnesNamed() throws Exception {
    assertThat(read("{online: []}").online()).isEmpty();
    assertThat(read("{online: [down, qk], kind: block, seed: 4}"))
        .isEqualTo(
            new RotationOptions(
                ResidualRotation.Kind.BLOCK,
                4,
                Set.of(RotationOptions.Online.DOWN, RotationOptions.Online.QK)));
    assertThat(read("{}").online())
        .containsExactlyInAnyOrder(RotationOptions.Online.DOWN, RotationOptions.Online.O);
    assertThatThrownBy(() -> read("{online: [up]}"))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("down, o, qk")
        .hasMessageContaining("\"up\"");
    List<String> kinds = List.of("hadamard", "random", "block");
    assertThatThrownBy(() -> read("{kind: cayley}")).hasMessageContaining(String.join(", ", kinds));
  }

  private static RotationOptions read(String yaml) throws Exception {
    ObjectMapper mapper = new ObjectMapper(new com.fasterxml.jackson.dataformat.yaml.YAMLFactory());
    return RotationOptions.read(new OptionReader("steps[0].rotate", mapper.readTree(yaml)));
  }
}
