package dev.nibble.compress.testing;

import dev.nibble.compress.BlockNotes;
import dev.nibble.compress.BlockTask;
import dev.nibble.compress.Events;
import dev.nibble.compress.ModelTask;
import dev.nibble.compress.ModelTuner;
import dev.nibble.compress.ScoreCache;
import dev.nibble.compress.Step;
import dev.nibble.compress.TunerTask;
import dev.nibble.compress.allocate.Allocation;
import dev.nibble.compress.block.Batches;
import dev.nibble.core.model.ModelWeights;
import dev.nibble.core.progress.Progress;
import dev.nibble.core.work.KernelTimes;
import dev.nibble.core.work.Workers;
import dev.nibble.models.Block;
import dev.nibble.models.BlockContext;
import dev.nibble.models.BlockHandle;
import dev.nibble.models.DecoderModel;
import dev.nibble.models.ResidentModel;
import dev.nibble.models.Torch;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;

/**
 * Runs steps over a model in memory the way the pipeline does: prepare all, then block by block
 * with calibration inputs of the original and of the quantized prefix.
 */
public final class TinyRun {
  private final ModelWeights weights;
  private final int[][] calibration;
  private final Events events;
  private final int threads;
  private final Consumer<Block> changed;

  /**
   * @param calibration token sequences; each is one batch
   * @param events where steps record
   */
  public TinyRun(ModelWeights weights, int[][] calibration, Events events, int threads) {
    this(weights, calibration, events, threads, block -> {});
  }

  /**
   * As the other.
   *
   * @param changed called on each block before the steps, to plant faults
   */
  public TinyRun(
      ModelWeights weights,
      int[][] calibration,
      Events events,
      int threads,
      Consumer<Block> changed) {
    this.weights = weights;
    this.calibration = calibration;
    this.events = events;
    this.threads = threads;
    this.changed = changed;
  }

  /** The model after the steps, its tuners included; the caller closes it. */
  public ResidentModel apply(Step... steps) {
    DecoderModel model = DecoderModel.open(weights);
    List<Block> done = new ArrayList<>();
    try (Workers workers = new Workers(threads)) {
      Allocation allocation = new Allocation();
      for (int s = 0; s < steps.length; s++) {
        steps[s].prepare(
            new ModelTask(
                model,
                1000 + s,
                events,
                new Batches(calibration, 1),
                allocation,
                new TinyStorage(model, List.of(steps)),
                ScoreCache.NONE,
                KernelTimes.NONE,
                workers,
                Progress.SILENT));
      }
      List<Tensor> original = new ArrayList<>();
      List<Tensor> current = new ArrayList<>();
      for (int[] sequence : calibration) {
        original.add(Torch.tokens(sequence));
        current.add(Torch.tokens(sequence));
      }
      for (int i = 0; i < model.blocks().size(); i++) {
        BlockHandle handle = model.blocks().get(i);
        Block block = handle.load();
        changed.accept(block);
        done.add(block);
        List<Tensor> originalNext = forward(block, original);
        BlockNotes notes = new BlockNotes(allocation, true);
        for (Step step : steps) {
          boolean quantized = step.needs().inputs() || !step.needs().originalInputs();
          List<Tensor> inputs = quantized ? current : original;
          step.apply(
              new Task(handle, block, i, inputs, original, originalNext, workers, events, notes));
        }
        List<Tensor> currentNext = forward(block, current);
        close(current);
        close(original);
        current = currentNext;
        original = originalNext;
      }
      close(current);
      close(original);
      ResidentModel student = ResidentModel.of(model.config(), done);
      for (int s = 0; s < steps.length; s++) {
        int seed = 1000 + s;
        steps[s].tuner().ifPresent(tuner -> tune(tuner, model, student, seed, workers));
      }
      return student;
    }
  }

  private void tune(
      ModelTuner tuner, DecoderModel model, ResidentModel student, long seed, Workers workers) {
    try {
      Path folder = Files.createTempDirectory("tuning");
      tuner.tune(
          new TunerTask(
              student,
              () -> ResidentModel.load(model),
              new Batches(calibration, 1),
              folder,
              seed,
              events,
              workers,
              Progress.SILENT));
      try (Stream<Path> files = Files.walk(folder)) {
        for (Path path : files.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(path);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static List<Tensor> forward(Block block, List<Tensor> inputs) {
    List<Tensor> out = new ArrayList<>();
    for (Tensor input : inputs) {
      out.add(Torch.owned(() -> block.forward(input, BlockContext.PLAIN)));
    }
    return out;
  }

  private static void close(List<Tensor> tensors) {
    tensors.forEach(Tensor::close);
  }

  private record Task(
      BlockHandle handle,
      Block block,
      int index,
      List<Tensor> inputs,
      List<Tensor> original,
      List<Tensor> originalOutputs,
      Workers workers,
      Events events,
      BlockNotes notes)
      implements BlockTask {
    @Override
    public int batches() {
      return inputs.size();
    }

    @Override
    public Tensor input(int batch) {
      return Torch.owned(() -> inputs.get(batch).clone());
    }

    @Override
    public Tensor originalInput(int batch) {
      return Torch.owned(() -> original.get(batch).clone());
    }

    @Override
    public Tensor originalOutput(int batch) {
      return Torch.owned(() -> originalOutputs.get(batch).clone());
    }

    @Override
    public Block loadOriginal() {
      return handle.load();
    }

    @Override
    public long seed(String what) {
      return what.hashCode();
    }
  }
}
