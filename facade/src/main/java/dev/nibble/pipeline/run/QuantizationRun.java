package dev.nibble.pipeline.run;

import dev.nibble.compress.block.ActivationStreams;
import dev.nibble.compress.block.BlockRunner;
import dev.nibble.compress.block.SealedBlock;
import dev.nibble.core.progress.Progress;
import dev.nibble.core.work.Workers;
import dev.nibble.io.model.PackedFile;
import dev.nibble.io.safetensors.SafetensorsFile;
import dev.nibble.models.BlockHandle;
import dev.nibble.pipeline.journal.Journal;
import dev.nibble.pipeline.journal.UnitRecord;
import dev.nibble.pipeline.journal.WorkDirectory;
import java.lang.foreign.Arena;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Brings every block of a prepared run into the journal, from the first one that is not there. A
 * block counts when its record is in place; a run that dies before that does it again, from the
 * same inputs, with the same result.
 */
final class QuantizationRun {
  /** Size from which a block's garbage is worth a collection. */
  private static final long LARGE = 16 << 20;

  private final Preparation prepared;
  private final Journal journal;
  private final ActivationStreams streams;
  private final BlockRunner runner;

  QuantizationRun(Preparation prepared, WorkDirectory work, Journal journal, Workers workers) {
    this.prepared = prepared;
    this.journal = journal;
    this.streams =
        new ActivationStreams(
            work.streams(),
            prepared.calibration().batches(),
            prepared.model().config().hiddenSize(),
            BlockRunner.streamsOf(prepared.recipe().steps()),
            workers);
    this.runner =
        new BlockRunner(
            prepared.recipe().steps(),
            prepared.recipe().seed(),
            streams,
            workers,
            prepared.allocation());
  }

  /** Does what is left to do. */
  void finishBlocks() {
    List<BlockHandle> blocks = prepared.model().blocks();
    Progress progress = prepared.options().progress();
    int done = journal.units().size();
    if (done > 0 && done < blocks.size()) {
      progress.note("continuing after " + journal.units().getLast().name());
      restoreStreams(done - 1);
    }
    long total = blocks.stream().mapToLong(BlockHandle::residentBytes).sum();
    try (Progress.Task task = progress.start("quantize", total, "bytes of fp32 weights")) {
      for (int index = 0; index < blocks.size(); index++) {
        if (index >= done) {
          finish(index, blocks.get(index));
        }
        task.advance(blocks.get(index).residentBytes());
      }
    }
  }

  private void finish(int index, BlockHandle handle) {
    long start = System.nanoTime();
    try (Arena arena = Arena.ofShared()) {
      SealedBlock sealed = runner.run(index, handle, prepared.plan().byName(), arena);
      String sha256 = UnitFile.write(journal.tensors(index), sealed.tensors());
      double seconds = (System.nanoTime() - start) / 1e9;
      journal.commit(
          new UnitRecord(
              index,
              handle.name(),
              sha256,
              sealed.values(),
              sealed.operators(),
              sealed.solved(),
              sealed.events(),
              named(sealed.streams()),
              seconds));
    }
    if (index > 0) {
      streams.drop(index - 1);
    }
    if (handle.residentBytes() >= LARGE) {
      System.gc(); // the heap would rather grow by a block than collect the last one's arrays
    }
  }

  private static Map<String, List<Long>> named(Map<ActivationStreams.Kind, List<Long>> streams) {
    Map<String, List<Long>> out = new LinkedHashMap<>();
    streams.forEach((kind, sums) -> out.put(kind.name().toLowerCase(Locale.ROOT), sums));
    return out;
  }

  /** Makes sure that the activations behind block {@code last} are there, or makes them again. */
  private void restoreStreams(int last) {
    Map<String, List<Long>> expected = journal.units().get(last).streams();
    boolean whole = true;
    for (ActivationStreams.Kind kind : streams.kinds()) {
      List<Long> sums = expected.get(kind.name().toLowerCase(Locale.ROOT));
      whole &= sums != null && streams.holds(kind, last, sums);
    }
    if (whole) {
      return;
    }
    prepared.options().progress().note("the activations are lost and computed again");
    List<BlockHandle> blocks = prepared.model().blocks();
    for (int index = 0; index <= last; index++) {
      try (SafetensorsFile file = SafetensorsFile.open(journal.tensors(index))) {
        runner.replay(
            index,
            blocks.get(index),
            PackedFile.readAll(file),
            journal.units().get(index).operators());
      }
      if (index > 0) {
        streams.drop(index - 1);
      }
    }
  }
}
