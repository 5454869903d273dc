package dev.nibble.compress.solve;

import dev.nibble.compress.BlockTask;
import dev.nibble.compress.codebook.ArrayAdam;
import dev.nibble.compress.codebook.BlockGradients;
import dev.nibble.compress.codebook.CodebookMatrix;
import dev.nibble.compress.codebook.KMeans;
import dev.nibble.models.Block;
import dev.nibble.models.Torch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Learns the codebooks and mappings of a block's weights together (sheet 40, step 3), so that the
 * block makes of its inputs what the original one makes of them. One backward pass gives the
 * gradient of every weight; what follows from it is plain arithmetic, matrix by matrix in parallel.
 * In the last tenth of the updates codewords and scales are fp16 numbers. The last eighth of the
 * batches is held out, and the best state on it is kept, the first one included.
 */
final class JlcmTraining {
  private static final int LOOKS = 10;

  private final BlockTask task;
  private final Block block;
  private final JlcmOptions options;
  private final Map<String, CodebookMatrix> matrices;
  private final List<String> names;
  private final List<Learned> learned = new ArrayList<>();

  /** A matrix and its optimizers. */
  private record Learned(
      CodebookMatrix matrix,
      Mapping mapping,
      ArrayAdam words,
      ArrayAdam scales,
      float[] gradient) {}

  /**
   * @param matrices start by weight; left in the best state
   */
  JlcmTraining(BlockTask task, JlcmOptions options, Map<String, CodebookMatrix> matrices) {
    this.task = task;
    this.block = task.block();
    this.options = options;
    this.matrices = matrices;
    this.names = List.copyOf(matrices.keySet());
    for (CodebookMatrix matrix : matrices.values()) {
      learned.add(
          new Learned(
              matrix,
              new Mapping(matrix, options),
              adam(matrix.words()),
              adam(matrix.scales()),
              new float[matrix.rows() * matrix.columns()]));
    }
  }

  /** Rates are relative: codewords of one class are weights, of another numbers around one. */
  private ArrayAdam adam(float[] values) {
    double sum = 0;
    for (float v : values) {
      sum += (double) v * v;
    }
    double size = values.length == 0 ? 0 : Math.sqrt(sum / values.length);
    return new ArrayAdam(
        new ArrayAdam.Rule(options.codebookRate() * size, 0.9, 0.99, 1e-12, false), values.length);
  }

  /** Learns; does nothing without a batch to hold out. */
  void run() {
    int held = Math.max(1, task.batches() / 8);
    int training = task.batches() - held;
    if (training < 1 || options.iterations() == 0 || options.learn() == JlcmOptions.Learn.NONE) {
      return;
    }
    try (BlockGradients loss = new BlockGradients(task, names)) {
      put();
      double before = loss.loss(training, task.batches());
      double lowest = before;
      Map<String, CodebookMatrix> best = copy();
      int every = Math.max(1, options.iterations() / LOOKS);
      long changed = 0;
      for (int iteration = 1; iteration <= options.iterations(); iteration++) {
        changed += update(loss, iteration, training);
        if (iteration % every == 0 || iteration == options.iterations()) {
          double found = lookAt(loss, training);
          if (found < lowest) {
            lowest = found;
            best = copy();
          }
        }
      }
      best.forEach((name, matrix) -> matrices.get(name).set(matrix));
      task.events()
          .record(
              "jlcm.learned",
              block.name(),
              String.format(
                  Locale.ROOT,
                  "held-out mean square %.4g before, %.4g after; %d moves of indices",
                  before,
                  lowest,
                  changed));
    }
  }

  private Map<String, CodebookMatrix> copy() {
    Map<String, CodebookMatrix> out = new LinkedHashMap<>();
    matrices.forEach((name, matrix) -> out.put(name, matrix.copy()));
    return out;
  }

  /** Held-out loss of the state as it will be stored. */
  private double lookAt(BlockGradients loss, int training) {
    matrices.forEach(
        (name, matrix) ->
            Torch.run(
                () -> block.setParameter(name, Torch.fromPacked(matrix.pack(), ScalarType.Float))));
    double found = loss.loss(training, task.batches());
    put();
    return found;
  }

  private void put() {
    matrices.forEach(
        (name, matrix) ->
            Torch.run(
                () ->
                    block.setParameter(
                        name, Torch.fromFloats(matrix.values(), matrix.rows(), matrix.columns()))));
  }

  private long update(BlockGradients loss, int iteration, int training) {
    int size = Math.min(options.batch(), training);
    int[] order =
        KMeans.shuffled(
            training, new SplittableRandom(task.seed(block.name() + " update " + iteration)));
    loss.gradients(Arrays.copyOf(order, size), learned.stream().map(Learned::gradient).toList());
    boolean half = iteration > options.iterations() * 9 / 10;
    int[] changed = new int[learned.size()];
    task.workers().forEach(changed.length, i -> changed[i] = update(learned.get(i), half));
    put();
    return Arrays.stream(changed).asLongStream().sum();
  }

  private int update(Learned each, boolean half) {
    CodebookMatrix matrix = each.matrix();
    float[] words = new float[matrix.words().length];
    float[] scales = new float[matrix.scales().length];
    if (options.learn().codebook()) {
      matrix.addGradients(0, matrix.rows(), each.gradient(), words, scales);
    }
    int changed = options.learn().mapping() ? each.mapping().step(each.gradient()) : 0;
    if (options.learn().codebook()) {
      each.words().step(matrix.words(), words);
      each.scales().step(matrix.scales(), scales);
      sort(matrix);
      if (half) {
        matrix.roundToHalf();
      }
    }
    return changed;
  }

  /** Puts the codewords of each set in order again, and codes with them. */
  static void sort(CodebookMatrix matrix) {
    int count = matrix.layout().codewords();
    float[] words = matrix.words();
    int[] place = new int[words.length];
    boolean moved = false;
    for (int set = 0; set < matrix.layout().sets(); set++) {
      int from = set * count;
      Integer[] order = new Integer[count];
      Arrays.setAll(order, k -> k);
      Arrays.sort(order, (a, b) -> Float.compare(words[from + a], words[from + b]));
      float[] sorted = new float[count];
      for (int k = 0; k < count; k++) {
        sorted[k] = words[from + order[k]];
        place[from + order[k]] = k;
        moved |= order[k] != k;
      }
      System.arraycopy(sorted, 0, words, from, count);
    }
    if (moved) {
      for (int i = 0; i < matrix.codes().length; i++) {
        int set = matrix.setOffset(i / matrix.columns());
        matrix.codes()[i] = place[set + matrix.codes()[i]];
      }
    }
  }
}
