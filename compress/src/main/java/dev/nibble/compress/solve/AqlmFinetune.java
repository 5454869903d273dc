package dev.nibble.compress.solve;

import dev.nibble.compress.BlockTask;
import dev.nibble.compress.codebook.ArrayAdam;
import dev.nibble.compress.codebook.BlockGradients;
import dev.nibble.compress.codebook.CodebookMatrix;
import dev.nibble.compress.codebook.KMeans;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.tensor.CodebookTensor;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.models.Block;
import dev.nibble.models.Site;
import dev.nibble.models.Torch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Trains a solved block, codes fixed (sheet 31a, step 7): codewords, scales, norms and biases
 * against what the original block makes of the same inputs, by Adam with betas 0.9 and 0.95. The
 * last eighth of the calibration batches is held out; the best state on it is kept, the first one
 * included, with codewords and scales as fp16 numbers.
 */
final class AqlmFinetune {
  private static final ArrayAdam.Rule ADAM = new ArrayAdam.Rule(0, 0.9, 0.95, 1e-8, false);

  private final BlockTask task;
  private final Block block;
  private final AqlmOptions.Finetune options;

  /** Codebooks of the sites, by weight. */
  private final Map<String, CodebookMatrix> matrices = new LinkedHashMap<>();

  /** Names of everything trained: weights first, then vectors. */
  private final List<String> names = new ArrayList<>();

  private final Map<String, float[]> vectors = new LinkedHashMap<>();

  AqlmFinetune(BlockTask task, AqlmOptions.Finetune options) {
    this.task = task;
    this.block = task.block();
    this.options = options;
    for (Site site : block.sites()) {
      Optional<PackedTensor> packed = block.state(site.name()).packed();
      if (packed.isPresent() && packed.get() instanceof CodebookTensor tensor) {
        matrices.put(TensorNames.weight(site.name()), CodebookMatrix.of(tensor));
      }
    }
    names.addAll(matrices.keySet());
    for (String name : block.parameterNames()) {
      if (block.parameter(name).dim() == 1) {
        names.add(name);
        vectors.put(name, Torch.toFloats(block.parameter(name)));
      }
    }
  }

  /** Trains; does nothing without codebooks or without a batch to hold out. */
  void run() {
    int held = Math.max(1, task.batches() / 8);
    int training = task.batches() - held;
    if (matrices.isEmpty() || training < 1) {
      return;
    }
    try (BlockGradients loss = new BlockGradients(task, names)) {
      double before = loss.loss(training, task.batches());
      Map<String, CodebookMatrix> best = copyMatrices();
      Map<String, float[]> bestVectors = copyVectors();
      double lowest = before;
      Trained trained = new Trained(loss);
      for (int epoch = 0, since = 0;
          epoch < options.epochs() && since < options.patience();
          epoch++) {
        trained.epoch(epoch, training);
        put(true);
        double found = loss.loss(training, task.batches());
        since++;
        if (found < lowest) {
          lowest = found;
          best = copyMatrices();
          bestVectors = copyVectors();
          since = 0;
        }
      }
      keep(best, bestVectors);
      task.events()
          .record(
              "aqlm.finetune",
              block.name(),
              String.format(
                  Locale.ROOT, "held-out mean square %.4g before, %.4g after", before, lowest));
    }
  }

  private Map<String, CodebookMatrix> copyMatrices() {
    Map<String, CodebookMatrix> out = new LinkedHashMap<>();
    matrices.forEach((name, matrix) -> out.put(name, matrix.copy()));
    return out;
  }

  private Map<String, float[]> copyVectors() {
    Map<String, float[]> out = new LinkedHashMap<>();
    vectors.forEach((name, values) -> out.put(name, values.clone()));
    return out;
  }

  /** Sets the block's parameters, as they will be stored or as they are trained. */
  private void put(boolean rounded) {
    matrices.forEach(
        (name, matrix) ->
            Torch.run(
                () ->
                    block.setParameter(
                        name,
                        rounded
                            ? Torch.fromPacked(matrix.pack(), ScalarType.Float)
                            : Torch.fromFloats(matrix.values(), matrix.rows(), matrix.columns()))));
    vectors.forEach(
        (name, values) ->
            Torch.run(() -> block.setParameter(name, Torch.fromFloats(values, values.length))));
  }

  private void keep(Map<String, CodebookMatrix> best, Map<String, float[]> bestVectors) {
    vectors.putAll(bestVectors);
    matrices.putAll(best);
    put(true);
    for (Site site : block.sites()) {
      CodebookMatrix matrix = best.get(TensorNames.weight(site.name()));
      if (matrix != null) {
        block.state(site.name()).packed(matrix.pack());
      }
    }
  }

  /** Optimizer states and gradients. */
  private final class Trained {
    private final BlockGradients loss;
    private final List<float[]> gradients = new ArrayList<>();
    private final Map<String, ArrayAdam> words = new LinkedHashMap<>();
    private final Map<String, ArrayAdam> scales = new LinkedHashMap<>();
    private final Map<String, ArrayAdam> others = new LinkedHashMap<>();

    Trained(BlockGradients loss) {
      this.loss = loss;
      ArrayAdam.Rule rule =
          new ArrayAdam.Rule(
              options.rate(), ADAM.beta1(), ADAM.beta2(), ADAM.epsilon(), ADAM.amsgrad());
      matrices.forEach(
          (name, matrix) -> {
            gradients.add(new float[matrix.rows() * matrix.columns()]);
            words.put(name, new ArrayAdam(rule, matrix.words().length));
            scales.put(name, new ArrayAdam(rule, matrix.scales().length));
          });
      vectors.forEach(
          (name, values) -> {
            gradients.add(new float[values.length]);
            others.put(name, new ArrayAdam(rule, values.length));
          });
    }

    /** One pass over the training batches in an order of its own. */
    void epoch(int epoch, int training) {
      int[] order =
          KMeans.shuffled(
              training, new SplittableRandom(task.seed(block.name() + " finetune " + epoch)));
      int perBatch = Math.toIntExact(sequences());
      int each = Math.max(1, options.batch() / perBatch);
      for (int from = 0; from < training; from += each) {
        put(false);
        loss.gradients(Arrays.copyOfRange(order, from, Math.min(training, from + each)), gradients);
        update();
      }
    }

    private long sequences() {
      try (var input = task.input(0)) {
        return input.size(0);
      }
    }

    private void update() {
      int at = 0;
      for (Map.Entry<String, CodebookMatrix> each : matrices.entrySet()) {
        CodebookMatrix matrix = each.getValue();
        float[] wordGradient = new float[matrix.words().length];
        float[] scaleGradient = new float[matrix.scales().length];
        matrix.addGradients(0, matrix.rows(), gradients.get(at++), wordGradient, scaleGradient);
        words.get(each.getKey()).step(matrix.words(), wordGradient);
        scales.get(each.getKey()).step(matrix.scales(), scaleGradient);
      }
      for (Map.Entry<String, float[]> each : vectors.entrySet()) {
        others.get(each.getKey()).step(each.getValue(), gradients.get(at++));
      }
    }
  }
}
