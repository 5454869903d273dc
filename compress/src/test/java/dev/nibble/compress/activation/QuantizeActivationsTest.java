package dev.nibble.compress.activation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import dev.nibble.compress.RecordedEvents;
import dev.nibble.compress.recipe.OptionReader;
import dev.nibble.compress.testing.TinyFamilies;
import dev.nibble.compress.testing.TinyRun;
import dev.nibble.core.NibbleException;
import dev.nibble.core.model.InMemoryWeights;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.op.ActivationQuant;
import dev.nibble.core.op.SiteOps;
import dev.nibble.models.Block;
import dev.nibble.models.BlockContext;
import dev.nibble.models.DecoderModel;
import dev.nibble.models.ResidentModel;
import dev.nibble.models.Torch;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.assertj.core.data.Offset;
import org.assertj.core.data.Percentage;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;

class QuantizeActivationsTest {
  private final ModelConfig config = TinyFamilies.families().get("gpt2");
  private final InMemoryWeights weights = TinyFamilies.weights(config, 5);
  private final int[][] tokens = TinyFamilies.tokens(config, 5, 16, 6);

  private Map<String, SiteOps> ops(ActivationOptions options, int threads) {
    try (ResidentModel model =
        new TinyRun(weights, tokens, new RecordedEvents(), threads)
            .apply(new QuantizeActivations(options))) {
      return model.snapshot().siteOps();
    }
  }

  @Test
  void dynamicQuantizersStandAtEveryLinearOfTheBlocksAndNowhereElse() {
    ActivationQuant quant = ActivationQuant.perToken(4);
    Map<String, SiteOps> ops = ops(ActivationOptions.dynamic(quant), 1);
    assertThat(ops).hasSize(12).doesNotContainKeys("lm_head", "model.embed_tokens");
    assertThat(ops.values()).allMatch(o -> o.inputQuant().orElseThrow().equals(quant));
  }

  @Test
  void patternsChooseSites() throws Exception {
    ActivationOptions options = read("{targets: [mlp, o_proj], ignore: ['layers\\.1\\.']}");
    assertThat(ops(options, 1).keySet())
        .containsExactlyInAnyOrder(
            "model.layers.0.self_attn.o_proj",
            "model.layers.0.mlp.up_proj",
            "model.layers.0.mlp.down_proj");
  }

  @Test
  void staticScalesAreTheCalibrationExtremesOfThePrefix() throws Exception {
    // only block 0 is quantized, so its inputs are those of the original model
    ActivationOptions options =
        read("{static: true, symmetric: false, bits: 8, ignore: ['layers\\.1\\.']}");
    float[] seen = inputs("model.layers.0.mlp.down_proj");
    float low = 0;
    float high = 0;
    for (float v : seen) {
      low = Math.min(low, v);
      high = Math.max(high, v);
    }
    ActivationQuant found =
        ops(options, 2).get("model.layers.0.mlp.down_proj").inputQuant().orElseThrow();
    assertThat(found.isStatic()).isTrue();
    // batches of one and of five differ in the last bits
    assertThat(found.staticScale()).isCloseTo((high - low) / 255, Percentage.withPercentage(1e-3));
    assertThat(found.staticZero()).isEqualTo((int) Math.rint(-low / found.staticScale()));
    ActivationQuant symmetric =
        ops(ActivationOptions.fixed(tensor(8)), 1)
            .get("model.layers.0.mlp.down_proj")
            .inputQuant()
            .orElseThrow();
    assertThat(symmetric.staticScale())
        .isCloseTo(Math.max(-low, high) / 127, Percentage.withPercentage(1e-3));
  }

  @Test
  void percentilesLeaveOutTheTails() throws Exception {
    String site = "model.layers.0.mlp.up_proj";
    float[] seen = inputs(site);
    java.util.Arrays.sort(seen);
    ActivationOptions options =
        read("{static: true, symmetric: false, percentile: 90, targets: ['0.mlp.up_proj']}");
    ActivationQuant found = ops(options, 1).get(site).inputQuant().orElseThrow();
    float span = found.staticScale() * 255;
    float exact = seen[(int) (0.95 * seen.length)] - seen[(int) (0.05 * seen.length)];
    float whole = seen[seen.length - 1] - seen[0];
    assertThat(span).isCloseTo(exact, Offset.offset(0.01f * whole)).isLessThan(0.8f * whole);
  }

  @Test
  void aSiteThatSawOnlyZerosStaysStaticAndHarmless() {
    ActivationQuant fixed = ValueRange.EMPTY.fix(tensor(8));
    assertThat(fixed.isStatic()).isTrue();
    float[] x = {0, 0, 3};
    fixed.fakeQuantize(x, 0, 1, 3);
    assertThat(x).containsExactly(0, 0, 3);
  }

  @Test
  void zeroTokensStayZero() {
    float[] x = new float[16];
    ActivationQuant.perToken(4).fakeQuantize(x, 0, 2, 8);
    assertThat(x).containsOnly(0f);
  }

  @Test
  void moreThreadsSameScales() throws Exception {
    ActivationOptions options = read("{static: true, percentile: 99.5, bits: 6}");
    assertThat(ops(options, 2)).isEqualTo(ops(options, 1));
  }

  @Test
  void optionsAreCheckedAgainstEachOther() throws Exception {
    assertThat(read("{granularity: group, group_size: 64}").quant().groupSize()).isEqualTo(64);
    assertThat(read("{granularity: group}").quant().groupSize()).isEqualTo(128);
    assertThatThrownBy(() -> read("{group_size: 64}"))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("group_size");
    assertThatThrownBy(() -> read("{static: true, granularity: token}"))
        .hasMessageContaining("static");
    assertThatThrownBy(() -> read("{ignore: ['(']}")).hasMessageContaining("regular expression");
    assertThatThrownBy(() -> read("{bits: 9}")).hasMessageContaining("2 to 8");
  }

  @Test
  void aSecondQuantizerOnASiteIsRefused() {
    QuantizeActivations step =
        new QuantizeActivations(ActivationOptions.dynamic(ActivationQuant.perToken(8)));
    TinyRun run = new TinyRun(weights, tokens, new RecordedEvents(), 1);
    assertThatThrownBy(() -> run.apply(step, step)).hasMessageContaining("already");
  }

  private float[] inputs(String site) {
    List<float[]> seen = new ArrayList<>();
    try (ResidentModel model = DecoderModel.open(weights).loadAll()) {
      Block block = model.blocks().get(1);
      Torch.noGrad(
          () -> {
            Tensor x = model.blocks().getFirst().forward(Torch.tokens(tokens), BlockContext.PLAIN);
            block.forward(
                x,
                new BlockContext(
                    (name, input) -> {
                      if (name.equals(site)) {
                        seen.add(Torch.toFloats(input));
                      }
                    }));
            return null;
          });
    }
    return seen.getFirst();
  }

  private static ActivationQuant tensor(int bits) {
    return new ActivationQuant(bits, ActivationQuant.Granularity.TENSOR, 0, true, 1f, 0f, 0);
  }

  private static ActivationOptions read(String yaml) throws Exception {
    ObjectMapper mapper = new ObjectMapper(new YAMLFactory());
    return ActivationOptions.read(new OptionReader("steps[1].activation", mapper.readTree(yaml)));
  }
}
