package dev.nibble.compress.solve;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.compress.BlockRun;
import dev.nibble.compress.RecordedEvents;
import dev.nibble.compress.recipe.Recipe;
import dev.nibble.compress.recipe.RecipeStep;
import dev.nibble.core.model.InMemoryWeights;
import dev.nibble.core.model.ModelWeights;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.core.testing.SharedData;
import dev.nibble.io.model.OpenedModel;
import dev.nibble.io.token.Tokenizer;
import dev.nibble.models.BlockContext;
import dev.nibble.models.DecoderModel;
import dev.nibble.models.ResidentModel;
import dev.nibble.models.Torch;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** GPTQ against rounding on a trained model: every matrix, and the whole on other text. */
class GptqRealModelTest {
  private static final int LENGTH = 128;

  private static OpenedModel model;
  private static int[][] calibration;
  private static int[][] held;

  @BeforeAll
  static void open() throws IOException {
    Path directory = SharedData.path("models/tinystories-656k");
    Tokenizer tokenizer = Tokenizer.fromDirectory(directory);
    calibration = sequences(tokenizer, "train-head-2MiB.txt.gz", 32);
    held = sequences(tokenizer, "valid-head-30KB.txt.gz", 24);
    model = OpenedModel.open(directory);
  }

  @AfterAll
  static void close() {
    if (model != null) {
      model.close();
    }
  }

  private static int[][] sequences(Tokenizer tokenizer, String file, int count) throws IOException {
    Path path = SharedData.path("datasets/tinystories/" + file);
    byte[] text;
    try (InputStream in = new GZIPInputStream(Files.newInputStream(path))) {
      text = in.readNBytes(1 << 17);
    }
    int[] ids = tokenizer.encode(new String(text, StandardCharsets.UTF_8), false);
    int[][] out = new int[Math.min(count, ids.length / LENGTH)][LENGTH];
    for (int i = 0; i < out.length; i++) {
      System.arraycopy(ids, i * LENGTH, out[i], 0, LENGTH);
    }
    return out;
  }

  private static BlockRun run(String step) {
    Recipe recipe = Recipe.parse("steps: [ " + step + " ]", "test");
    return BlockRun.of(
        model.weights(), recipe.steps().stream().map(RecipeStep::step).toList(), calibration, 2);
  }

  /** Mean negative log-likelihood of the held-out text, in nats. */
  private static double crossEntropy(BlockRun run) {
    ModelWeights source = model.weights();
    Map<String, PackedTensor> tensors = new LinkedHashMap<>();
    source.names().forEach(name -> tensors.put(name, source.tensor(name)));
    run.packed().forEach((site, packed) -> tensors.put(site + ".weight", packed));
    try (DecoderModel decoder =
            DecoderModel.open(new InMemoryWeights(source.config(), tensors, Map.of()));
        ResidentModel resident = decoder.loadAll()) {
      double sum = 0;
      for (int[] sequence : held) {
        sum += crossEntropy(resident, sequence);
      }
      return sum / held.length;
    }
  }

  private static double crossEntropy(ResidentModel resident, int[] sequence) {
    float[] logits =
        Torch.noGrad(
            () ->
                Torch.toFloats(
                    resident.forward(Torch.tokens(sequence), BlockContext.PLAIN).log_softmax(-1)));
    int vocabulary = resident.config().vocabSize();
    double sum = 0;
    for (int i = 0; i + 1 < sequence.length; i++) {
      sum -= logits[i * vocabulary + sequence[i + 1]];
    }
    return sum / (sequence.length - 1);
  }

  @ParameterizedTest
  @ValueSource(strings = {"int4:g64", "int3:g32", "int2:g32"})
  void everyMatrixAndTheWholeModelGain(String spec) {
    BlockRun gptq = run("gptq: { spec: '" + spec + "' }");
    assertThat(gptq.events().solved()).hasSize(14);
    for (Map.Entry<String, RecordedEvents.Solved> site : gptq.events().solved().entrySet()) {
      assertThat(site.getValue().relativeError())
          .as(site.getKey())
          .isLessThan(0.9 * site.getValue().rtnRelativeError());
    }
    assertThat(crossEntropy(gptq)).isLessThan(crossEntropy(run("rtn: { spec: '" + spec + "' }")));
  }
}
