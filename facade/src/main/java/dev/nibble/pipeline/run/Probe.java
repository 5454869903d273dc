package dev.nibble.pipeline.run;

import dev.nibble.compress.allocate.Allocation;
import dev.nibble.compress.block.ActivationStreams;
import dev.nibble.compress.block.Batches;
import dev.nibble.compress.block.BlockRunner;
import dev.nibble.compress.block.CollectedEvents;
import dev.nibble.compress.block.PlannedTensor;
import dev.nibble.compress.block.SealedBlock;
import dev.nibble.compress.block.ValueChecksum;
import dev.nibble.compress.recipe.Recipe;
import dev.nibble.core.work.Workers;
import dev.nibble.io.file.DiskTrouble;
import dev.nibble.models.BlockHandle;
import dev.nibble.models.DecoderModel;
import dev.nibble.models.Model;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Forecasts the time of a run by doing a little of it: the embedding and the first decoder block
 * with very few calibration batches, on steps and a model of its own so that the run is not
 * touched. Time is taken as a fixed part a block plus a part a batch; all decoder blocks are alike.
 */
final class Probe implements AutoCloseable {
  private static final int BATCHES = 3;

  private final Recipe recipe;
  private final Model model;
  private final Batches batches;
  private final Map<String, PlannedTensor> plan;
  private final Workers workers;
  private final Allocation allocation = new Allocation();
  private final Path folder;
  private double auditSeconds;

  private Probe(Preparation prepared, Workers workers) {
    Recipe own = Recipe.parse(prepared.recipe().toYaml(), prepared.recipe().name());
    this.recipe = own;
    this.model = DecoderModel.open(prepared.source().weights());
    this.batches = prepared.calibration().batches();
    this.plan = prepared.plan().byName();
    this.workers = workers;
    prepared.prepare(own, model, new CollectedEvents(), allocation, workers);
    try {
      this.folder = Files.createTempDirectory("nibble-probe");
    } catch (IOException e) {
      throw DiskTrouble.writing(Path.of(System.getProperty("java.io.tmpdir")), e);
    }
  }

  /** Seconds that quantizing will take, without evaluation. */
  static double seconds(Preparation prepared, Workers workers) {
    try (Probe probe = new Probe(prepared, workers)) {
      return probe.forecast();
    }
  }

  private double forecast() {
    List<BlockHandle> blocks = model.blocks();
    BlockHandle embedding = blocks.getFirst();
    BlockHandle head = blocks.getLast();
    ActivationStreams one = streams(1);
    time(embedding, 0, one); // libraries are loaded and code is compiled only once
    time(blocks.get(1), 1, one);
    double first = time(embedding, 0, one);
    double warm = time(blocks.get(1), 1, one);
    double audited = auditSeconds;
    double perBatch = 0;
    int few = Math.min(BATCHES, batches.count());
    if (few > 1) {
      ActivationStreams some = streams(few);
      time(embedding, 0, some);
      perBatch = Math.max(0, (time(blocks.get(1), 1, some) - warm) / (few - 1));
    }
    double block = warm + perBatch * Math.max(0, batches.count() - 1) + audited;
    double last = first * head.residentBytes() / embedding.residentBytes();
    return first + last + block * (blocks.size() - 2);
  }

  private ActivationStreams streams(int count) {
    return new ActivationStreams(
        folder,
        batches.first(count),
        model.config().hiddenSize(),
        BlockRunner.streamsOf(recipe.steps()),
        workers);
  }

  private double time(BlockHandle handle, int index, ActivationStreams streams) {
    BlockRunner runner =
        new BlockRunner(recipe.steps(), recipe.seed(), streams, workers, allocation);
    long start = System.nanoTime();
    try (Arena arena = Arena.ofShared()) {
      SealedBlock sealed = runner.run(index, handle, plan, arena);
      UnitFile.write(folder.resolve("probe.safetensors"), sealed.tensors());
      long written = System.nanoTime();
      sealed.tensors().values().forEach(ValueChecksum::of);
      auditSeconds = (System.nanoTime() - written) / 1e9 / workers.threads();
      return (written - start) / 1e9;
    }
  }

  @Override
  public void close() {
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.toList()) {
        Files.delete(file);
      }
      Files.delete(folder);
    } catch (IOException e) {
      throw DiskTrouble.writing(folder, e);
    }
  }
}
