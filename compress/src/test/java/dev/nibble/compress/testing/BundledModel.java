package dev.nibble.compress.testing;

import dev.nibble.compress.BlockRun;
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
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/**
 * The bundled language model with a little of its calibration text, and how far a recipe's result
 * is from it on a little of its evaluation text: for relations between methods on a trained model.
 */
public final class BundledModel implements AutoCloseable {
  private static final int LENGTH = 128;
  private static final int SEQUENCES = 8;

  private final OpenedModel model;
  private final int[][] calibration;
  private final int[][] held;
  private final List<float[]> original = new ArrayList<>();

  /** Opens it. */
  public BundledModel() {
    Path home = SharedData.repositoryRoot().resolve("models/tiny-lm");
    Tokenizer tokenizer = Tokenizer.fromDirectory(home);
    calibration = sequences(tokenizer, home.resolve("samples/calibration.txt"));
    held = sequences(tokenizer, home.resolve("samples/evaluation.txt"));
    model = OpenedModel.open(home);
    try (DecoderModel decoder = DecoderModel.open(model.weights());
        ResidentModel resident = decoder.loadAll()) {
      for (int[] sequence : held) {
        original.add(logProbabilities(resident, sequence));
      }
    }
  }

  private static int[][] sequences(Tokenizer tokenizer, Path text) {
    try {
      int[] ids = tokenizer.encode(Files.readString(text), false);
      int[][] out = new int[Math.min(SEQUENCES, ids.length / LENGTH)][LENGTH];
      for (int i = 0; i < out.length; i++) {
        System.arraycopy(ids, i * LENGTH, out[i], 0, LENGTH);
      }
      return out;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Runs steps, as {@code "gptq: { spec: 'int3:g32' }"}, in order. */
  public BlockRun run(String... steps) {
    StringBuilder yaml = new StringBuilder("steps:\n");
    for (String step : steps) {
      yaml.append("  - ").append(step).append('\n');
    }
    return BlockRun.of(
        model.weights(),
        Recipe.parse(yaml.toString(), "test").steps().stream().map(RecipeStep::step).toList(),
        calibration,
        2);
  }

  /** Mean divergence of the result from the original, nats per token. */
  public double divergence(BlockRun run) {
    ModelWeights source = model.weights();
    Map<String, PackedTensor> tensors = new LinkedHashMap<>();
    source.names().forEach(name -> tensors.put(name, source.tensor(name)));
    run.packed().forEach((site, packed) -> tensors.put(site + ".weight", packed));
    try (DecoderModel decoder =
            DecoderModel.open(new InMemoryWeights(source.config(), tensors, Map.of()));
        ResidentModel resident = decoder.loadAll()) {
      double sum = 0;
      long positions = 0;
      for (int i = 0; i < held.length; i++) {
        float[] p = original.get(i);
        float[] q = logProbabilities(resident, held[i]);
        for (int k = 0; k < p.length; k++) {
          sum += Math.exp(p[k]) * ((double) p[k] - q[k]);
        }
        positions += held[i].length;
      }
      return sum / positions;
    }
  }

  private static float[] logProbabilities(ResidentModel resident, int[] sequence) {
    return Torch.noGrad(
        () -> {
          Tensor logits = resident.forward(Torch.tokens(sequence), BlockContext.PLAIN);
          return Torch.toFloats(logits.log_softmax(-1));
        });
  }

  @Override
  public void close() {
    model.close();
  }
}
