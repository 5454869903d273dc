package dev.nibble.pipeline.plan;

import dev.nibble.compress.ModelTuner;
import dev.nibble.compress.Step.BlockShape;
import dev.nibble.compress.allocate.Allocation;
import dev.nibble.compress.block.PlannedTensor;
import dev.nibble.compress.recipe.RecipeStep;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.MoeConfig;
import dev.nibble.models.BlockHandle;
import dev.nibble.models.Model;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * Peak memory of a run: what the process needs anyway plus the most that any one block takes. It
 * does not depend on how many blocks there are, nor on the number of calibration samples, which
 * wait on disk.
 */
final class MemoryModel {
  /** JVM, libtorch's code and tables, and the heap's slack between collections. */
  static final long BASE = 240L << 20;

  private final Model model;
  private final List<RecipeStep> recipe;
  private final Map<String, PlannedTensor> tensors;
  private final int batchTokens;
  private final int sequenceTokens;
  private final Allocation allocation;

  /**
   * @param model the model with rewrites installed
   * @param batchTokens tokens of a calibration batch, 0 without calibration
   * @param sequenceTokens tokens of a sequence of it
   * @param allocation what the steps decided
   */
  MemoryModel(
      Model model,
      List<RecipeStep> recipe,
      Map<String, PlannedTensor> tensors,
      int batchTokens,
      int sequenceTokens,
      Allocation allocation) {
    this.model = model;
    this.recipe = recipe;
    this.tensors = tensors;
    this.batchTokens = batchTokens;
    this.sequenceTokens = sequenceTokens;
    this.allocation = allocation;
  }

  /** Forecast in bytes with {@code threads} tasks at once. */
  long peakBytes(int threads) {
    long blocks = model.blocks().stream().mapToLong(b -> block(b, threads)).max().orElse(0);
    return BASE + Math.max(blocks, tuning(threads));
  }

  /** Student and teacher, and what training takes beside them. */
  private long tuning(int threads) {
    long parameters = model.blocks().stream().mapToLong(BlockHandle::residentBytes).sum();
    long activations = 0;
    if (batchTokens > 0) {
      activations =
          model.blocks().stream().mapToLong(this::forwardBytes).sum()
              / batchTokens
              * sequenceTokens;
    }
    long logits = (long) Float.BYTES * model.config().vocabSize() * sequenceTokens;
    ModelTuner.ModelShape shape =
        new ModelTuner.ModelShape(parameters, activations, logits, threads);
    return recipe.stream()
        .flatMap(step -> step.step().tuner().stream())
        .mapToLong(tuner -> 2 * parameters + tuner.workingBytes(shape))
        .max()
        .orElse(0);
  }

  private long block(BlockHandle block, int threads) {
    long loading = block.residentBytes() + largestTensor(block) * 2; // as fp64 while rewritten
    long steps = 0;
    BlockShape shape =
        new BlockShape(block.stages(), batchTokens, sequenceTokens, threads, allocation);
    for (RecipeStep step : recipe) {
      steps = Math.max(steps, step.step().workingBytes(shape));
    }
    long working = block.residentBytes() + threads * forwardBytes(block) + steps;
    long sealed =
        block.shapes().keySet().stream()
            .filter(tensors::containsKey)
            .mapToLong(name -> tensors.get(name).bytes())
            .sum();
    long garbage = block.residentBytes(); // arrays the heap has not collected yet
    return Math.max(loading, working + sealed + garbage);
  }

  private static long largestTensor(BlockHandle block) {
    return block.shapes().values().stream()
        .mapToLong(shape -> Arrays.stream(shape).reduce(Float.BYTES, (a, b) -> a * b))
        .max()
        .orElse(0);
  }

  /** Activations of one batch inside one block, all of them alive until its forward pass ends. */
  private long forwardBytes(BlockHandle block) {
    ModelConfig c = model.config();
    long perToken =
        switch (block.kind()) {
          case EMBEDDING -> 3L * c.hiddenSize();
          case DECODER -> 8L * c.hiddenSize() + 8L * c.qSize() + 6L * c.kvSize() + feedForward(c);
          case HEAD -> 0; // no activations leave the head, so it is not run
        };
    return perToken * batchTokens * Float.BYTES;
  }

  /** Inner vectors; with experts also each expert's input and output. */
  private static long feedForward(ModelConfig c) {
    MoeConfig moe = c.moe();
    long copies = c.gated() ? 4L : 2L;
    long experts =
        copies * ((long) moe.topK() * moe.expertSize() + moe.sharedSize())
            + 4L * moe.topK() * c.hiddenSize();
    boolean plain = !moe.present() || !moe.denseLayers().isEmpty();
    return Math.max(moe.present() ? experts : 0, plain ? copies * c.ffnSize() : 0);
  }
}
