package dev.nibble.compress.tune;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.compress.BlockRun;
import dev.nibble.compress.RecordedEvents;
import dev.nibble.compress.Step;
import dev.nibble.compress.TinyModels;
import dev.nibble.compress.recipe.Recipe;
import dev.nibble.compress.recipe.RecipeStep;
import dev.nibble.compress.testing.TinyRun;
import dev.nibble.core.model.InMemoryWeights;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.core.tensor.PackedTensor;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * What the methods exist for, in a random model with a few channels much larger than the others
 * (acceptance 3 and 4 of sheet 43, 4 and 5 of sheet 11).
 */
class PlantedChannelsTest {
  private static final ModelConfig CONFIG = TinyModels.llama(64, 64, 128, 2);
  private static final int[][] TOKENS = BlockRun.randomTokens(24, 48, 64, 21);
  private static final int[] CHANNELS = {3, 17, 40};
  private static final float FACTOR = 30;

  private static final Pattern LOSS =
      Pattern.compile("held-out loss (\\S+) before and (\\S+) after");

  /** Norm gains of some channels multiplied by a factor, the weights behind them divided. */
  private static InMemoryWeights planted() {
    InMemoryWeights plain = InMemoryWeights.random(CONFIG, 0.15, 5);
    Map<String, PackedTensor> tensors = new LinkedHashMap<>();
    for (String name : plain.names()) {
      float[] values = plain.tensor(name).toFloats();
      boolean gain = name.startsWith("model.layers.") && name.endsWith("layernorm.weight");
      boolean reader = name.matches(".*(q|k|v|gate|up)_proj\\.weight");
      for (int channel : CHANNELS) {
        for (int i = channel; (gain || reader) && i < values.length; i += CONFIG.hiddenSize()) {
          values[i] *= gain ? FACTOR : 1 / FACTOR;
        }
      }
      tensors.put(name, DenseTensor.of(values, plain.tensor(name).shape()));
    }
    return new InMemoryWeights(CONFIG, tensors, Map.of());
  }

  private static Step[] steps(String text) {
    return Recipe.parse("steps: [ " + text + " ]", "test").steps().stream()
        .map(RecipeStep::step)
        .toArray(Step[]::new);
  }

  /** Held-out loss of the first block before and after a tuner. */
  private static double[] losses(String text) {
    RecordedEvents events = new RecordedEvents();
    new TinyRun(planted(), TOKENS, events, 2).apply(steps(text)).close();
    String what =
        events.recorded().stream()
            .filter(e -> e.kind().endsWith(".loss"))
            .findFirst()
            .orElseThrow()
            .what();
    Matcher m = LOSS.matcher(what);
    assertThat(m.find()).isTrue();
    return new double[] {Double.parseDouble(m.group(1)), Double.parseDouble(m.group(2))};
  }

  /**
   * An {@code activation} step or nothing, a weight spec, the paper's stability factor, a bound.
   */
  @ParameterizedTest
  @CsvSource({
    "'{ activation: { bits: 4, symmetric: false } }, ', int4:channel, 0.1, 0.8",
    "'', int2:g32, 0.01, 1"
  })
  void learnedScalesAndMatricesBeatSmoothedAndPlainRanges(
      String before, String spec, String stability, double bound) {
    String options = "{ spec: '" + spec + "', batch_size: 2, held_out: 0.3, ";
    double rounded = losses(before + "{ omniquant: " + options + "epochs: 0 } }")[1];
    double[] omniquant = losses(before + "{ omniquant: " + options + "epochs: 10, let: true } }");
    double[] affine =
        losses(
            before
                + "{ affinequant: "
                + options
                + "epochs: 10, stability_factor: "
                + stability
                + " } }");
    assertThat(omniquant[1]).isLessThan(omniquant[0]).isLessThan(bound * rounded);
    assertThat(affine[1]).isLessThan(bound * rounded).isLessThan(1.02 * omniquant[1]);
  }
}
