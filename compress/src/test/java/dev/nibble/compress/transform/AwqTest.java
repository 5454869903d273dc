package dev.nibble.compress.transform;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import dev.nibble.compress.RecordedEvents;
import dev.nibble.compress.Step;
import dev.nibble.compress.recipe.OptionReader;
import dev.nibble.compress.testing.TinyFamilies;
import dev.nibble.compress.testing.TinyRun;
import dev.nibble.core.model.InMemoryWeights;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.op.OnlineTransform;
import dev.nibble.core.rounding.GridFlavour;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.work.Workers;
import dev.nibble.models.ResidentModel;
import dev.nibble.models.Torch;
import java.util.List;
import java.util.SplittableRandom;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;

class AwqTest extends TransformContract {
  private static final QuantSpec SPEC = QuantSpec.parse("int3:g8:asym");

  @Override
  Step transform() {
    return new Awq(options(false, true));
  }

  private static AwqOptions options(boolean clip, boolean tieHeads) {
    AwqOptions known = AwqOptions.of(SPEC);
    return new AwqOptions(SPEC, known.rounding(), 20, clip, 0.5, 512, 64, tieHeads, true);
  }

  private static ResidentModel run(
      ModelConfig config, RecordedEvents events, int threads, Awq step) {
    int[][] tokens = TinyFamilies.tokens(config, 4, 16, 9);
    return new TinyRun(TinyFamilies.weights(config, 8), tokens, events, threads).apply(step);
  }

  @Test
  void theChosenRatioIsNeverWorseThanRoundToNearest() {
    Pattern losses = Pattern.compile("loss (\\S+) against (\\S+) for");
    TinyFamilies.families()
        .forEach(
            (family, config) -> {
              RecordedEvents events = new RecordedEvents();
              run(config, events, 1, new Awq(options(true, true))).close();
              assertThat(events.of("awq.scale")).as(family).hasSizeGreaterThanOrEqualTo(4);
              boolean gained = false;
              for (RecordedEvents.Recorded event : events.of("awq.scale")) {
                Matcher found = losses.matcher(event.what());
                assertThat(found.find()).isTrue();
                double chosen = Double.parseDouble(found.group(1));
                double plain = Double.parseDouble(found.group(2));
                assertThat(chosen).as("%s %s", family, event).isLessThanOrEqualTo(plain);
                gained |= chosen < 0.99 * plain;
              }
              assertThat(gained).as(family).isTrue();
            });
  }

  @Test
  void salientChannelsAreScaledUpAndRoundingLosesLess() {
    int columns = 256;
    int rows = 64;
    int tokens = 400;
    QuantSpec spec = QuantSpec.parse("int3:g32:asym");
    SplittableRandom random = new SplittableRandom(1);
    float[] w = new float[rows * columns];
    float[] x = new float[tokens * columns];
    double[] mean = new double[columns];
    for (int i = 0; i < w.length; i++) {
      w[i] = (float) random.nextGaussian();
    }
    for (int i = 0; i < x.length; i++) {
      int column = i % columns;
      boolean salient = column == 17 || column == 101 || column == 200;
      x[i] = (float) (random.nextGaussian() * (salient ? 50 : 1));
      mean[column] += Math.abs(x[i]) / tokens;
    }
    double[] best = {Double.POSITIVE_INFINITY, 0};
    double[] bestScale = AwqScaleSearch.scale(mean, 0);
    try (Workers workers = new Workers(1)) {
      RoundedWeight rounded = new RoundedWeight(spec, AwqOptions.of(spec).rounding(), workers);
      Torch.run(
          () -> {
            Tensor weight = Torch.fromFloats(w, rows, columns);
            Tensor input = Torch.fromFloats(x, tokens, columns);
            Tensor expected = input.matmul(weight.transpose(0, 1));
            for (int i = 0; i < 20; i++) {
              double[] s = AwqScaleSearch.scale(mean, i / 20.0);
              Tensor factor = ChannelScaling.vector(s);
              Tensor trial = rounded.of(weight.mul(factor)).div(factor);
              Tensor found = input.matmul(trial.transpose(0, 1));
              double error = found.sub(expected).square().mean().item_double();
              if (i == 0) {
                best[1] = error;
              }
              if (error < best[0]) {
                best[0] = error;
                System.arraycopy(s, 0, bestScale, 0, columns);
              }
            }
          });
    }
    assertThat(best[0]).isLessThan(0.5 * best[1]);
    double[] sorted = bestScale.clone();
    java.util.Arrays.sort(sorted);
    for (int salient : new int[] {17, 101, 200}) {
      assertThat(bestScale[salient]).isGreaterThan(sorted[columns / 2]);
    }
  }

  @Test
  void groupedHeadsSkipTheValuesUnlessTied() {
    ModelConfig config = TinyFamilies.llama();
    RecordedEvents skipping = new RecordedEvents();
    run(config, skipping, 1, new Awq(options(true, false))).close();
    assertThat(skipping.of("awq.skipped"))
        .hasSize(2)
        .allMatch(e -> e.site().endsWith("o_proj") && e.what().contains("tie_heads"));
    RecordedEvents tied = new RecordedEvents();
    run(config, tied, 1, new Awq(options(true, true))).close();
    assertThat(tied.of("awq.skipped")).isEmpty();
    assertThat(tied.of("awq.scale")).anyMatch(e -> e.site().endsWith("o_proj"));
  }

  @Test
  void queriesAndKeysAreNeverClippedAndOthersAre() {
    RecordedEvents events = new RecordedEvents();
    run(TinyFamilies.llama(), events, 1, new Awq(options(true, true))).close();
    List<String> sites = events.of("awq.clip").stream().map(RecordedEvents.Recorded::site).toList();
    assertThat(sites).hasSize(10).noneMatch(s -> s.endsWith("q_proj") || s.endsWith("k_proj"));
    assertThat(events.of("awq.clip")).anyMatch(e -> !e.what().startsWith("0.0 %"));
  }

  @Test
  void clippingLowersTheOutputErrorOfTheGroups() {
    try (Workers workers = new Workers(1)) {
      RoundedWeight rounded = new RoundedWeight(SPEC, AwqOptions.of(SPEC).rounding(), workers);
      SplittableRandom random = new SplittableRandom(4);
      float[] w = new float[16 * 20];
      float[] x = new float[100 * 20];
      for (int i = 0; i < w.length; i++) {
        w[i] = (float) (random.nextGaussian() * (i % 7 == 0 ? 3 : 1));
      }
      for (int i = 0; i < x.length; i++) {
        x[i] = (float) random.nextGaussian();
      }
      Torch.run(
          () -> {
            Tensor weight = Torch.fromFloats(w, 16, 20); // groups of 8, 8 and 4
            Tensor input = Torch.fromFloats(x, 100, 20);
            ClipSearch.Result result = new ClipSearch(rounded, 20, 0.5).search(weight, input);
            assertThat(result.errorRatio()).isLessThan(0.95);
            assertThat(result.clippedShare()).isBetween(0.1, 1.0);
            // the figure is what an independent sum over tokens gives
            double before = groupError(w, Torch.toFloats(rounded.of(weight)), x);
            double after = groupError(w, Torch.toFloats(rounded.of(result.weight())), x);
            assertThat(after / before)
                .isCloseTo(result.errorRatio(), org.assertj.core.data.Offset.offset(1e-4));
            float[] clamped = Torch.toFloats(result.weight());
            for (int i = 0; i < w.length; i++) {
              assertThat(Math.abs(clamped[i])).isLessThanOrEqualTo(Math.abs(w[i]));
            }
          });
    }
  }

  private static double groupError(float[] w, float[] other, float[] x) {
    double sum = 0;
    for (int row = 0; row < 16; row++) {
      for (int from = 0; from < 20; from += 8) {
        for (int t = 0; t < 100; t++) {
          double part = 0;
          for (int j = from; j < Math.min(20, from + 8); j++) {
            part += (double) x[t * 20 + j] * (w[row * 20 + j] - other[row * 20 + j]);
          }
          sum += part * part;
        }
      }
    }
    return sum;
  }

  @Test
  void activationFunctionsThatTakeNoScaleLeaveItToRunTime() {
    RecordedEvents events = new RecordedEvents();
    try (ResidentModel model =
        run(TinyFamilies.families().get("gpt2"), events, 1, new Awq(options(false, false)))) {
      assertThat(model.snapshot().siteOps().get("model.layers.0.mlp.down_proj").onlineTransforms())
          .singleElement()
          .isInstanceOf(OnlineTransform.Scaling.class);
    }
    AwqOptions known = options(false, false);
    AwqOptions offline =
        new AwqOptions(SPEC, known.rounding(), 20, false, 0.5, 512, 64, false, false);
    RecordedEvents without = new RecordedEvents();
    try (ResidentModel model =
        run(TinyFamilies.families().get("gpt2"), without, 1, new Awq(offline))) {
      assertThat(model.snapshot().siteOps()).isEmpty();
      assertThat(without.of("awq.skipped")).hasSize(2);
    }
  }

  @Test
  void aDeadChannelGetsAFiniteScale() {
    double[] s = AwqScaleSearch.scale(new double[] {0, 1, 4}, 0.5);
    assertThat(s).doesNotContain(Double.NaN, Double.POSITIVE_INFINITY);
    assertThat(s[0]).isPositive();
    assertThat(s[2] / s[1]).isEqualTo(2);
    assertThat(AwqScaleSearch.scale(new double[] {0.3, 1, 4}, 0)).containsOnly(1);
  }

  @Test
  void threadsDoNotChangeABit() {
    ModelConfig config = TinyFamilies.families().get("opt");
    float[][] weights = new float[2][];
    for (int threads = 1; threads <= 2; threads++) {
      try (ResidentModel model =
          run(config, new RecordedEvents(), threads, new Awq(options(true, true)))) {
        InMemoryWeights after = model.snapshot();
        weights[threads - 1] =
            after.tensor(TensorNames.weight(TensorNames.layer(1, TensorNames.DOWN))).toFloats();
      }
    }
    assertThat(weights[1]).isEqualTo(weights[0]);
  }

  @Test
  void optionsNameWhatIsWrong() throws Exception {
    assertThat(read("{}")).isEqualTo(AwqOptions.of(QuantSpec.parse("int4:g128:asym")));
    assertThat(read("{spec: int4:g64:sym}").rounding().flavour()).isNull();
    assertThat(read("{spec: int4:g64, grid: gptq}").rounding().flavour())
        .isEqualTo(GridFlavour.GPTQ);
    assertThatThrownBy(() -> read("{spec: int4:g}")).hasMessageStartingWith("steps[0].awq.spec:");
    assertThatThrownBy(() -> read("{grid: sym-full}")).hasMessageContaining("sym-full");
  }

  private static AwqOptions read(String yaml) throws Exception {
    ObjectMapper mapper = new ObjectMapper(new YAMLFactory());
    return AwqOptions.read(new OptionReader("steps[0].awq", mapper.readTree(yaml)));
  }
}
