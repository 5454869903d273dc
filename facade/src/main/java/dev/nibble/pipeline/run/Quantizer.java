package dev.nibble.pipeline.run;

import dev.nibble.compress.block.SolvedSite;
import dev.nibble.compress.block.StepEvent;
import dev.nibble.core.NibbleException;
import dev.nibble.core.op.SiteOps;
import dev.nibble.core.work.Workers;
import dev.nibble.io.file.DiskTrouble;
import dev.nibble.io.model.NibbleArtefact;
import dev.nibble.models.BlockHandle;
import dev.nibble.pipeline.audit.Audit;
import dev.nibble.pipeline.check.OutputCheck;
import dev.nibble.pipeline.evaluate.Compared;
import dev.nibble.pipeline.evaluate.EvaluationOptions;
import dev.nibble.pipeline.journal.Journal;
import dev.nibble.pipeline.journal.RunIdentity;
import dev.nibble.pipeline.journal.UnitRecord;
import dev.nibble.pipeline.journal.WorkDirectory;
import dev.nibble.pipeline.memory.MemoryMeter;
import dev.nibble.pipeline.plan.Plan;
import dev.nibble.pipeline.provenance.Provenance;
import dev.nibble.pipeline.provenance.RunLog;
import dev.nibble.pipeline.report.QuantizationReport;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * A whole run, from a recipe to an artefact: check, plan, blocks, assembly, audit, evaluation, and
 * one move that makes the output appear. Interrupted anywhere, the same call continues and ends
 * with the same bytes; on an output that the same call has finished it does nothing.
 */
public final class Quantizer {
  private final RunOptions options;
  private final Optional<EvaluationOptions> evaluation;
  private final Path output;

  /**
   * @param evaluation what to measure the result on, empty for not at all
   * @param output folder to be made
   */
  public Quantizer(RunOptions options, Optional<EvaluationOptions> evaluation, Path output) {
    this.options = options;
    this.evaluation = evaluation;
    this.output = output.toAbsolutePath().normalize();
  }

  /**
   * Runs, or continues.
   *
   * @param restart discard unfinished work instead of continuing it
   * @throws dev.nibble.core.NibbleException when something stands in the way; finished blocks stay
   */
  public void run(boolean restart) {
    if (!isArtefact()) {
      OutputCheck.place(output);
    }
    try (MemoryMeter meter = new MemoryMeter();
        Preparation prepared = new Preparation(options);
        Workers workers = new Workers(prepared.plan().forecast().threads())) {
      RunIdentity identity = Identities.of(prepared);
      if (isArtefact() && !madeBy(identity)) {
        OutputCheck.place(output);
      }
      try (WorkDirectory work = WorkDirectory.open(output)) {
        if (isArtefact()) {
          options.progress().note(output + " is finished already");
        } else {
          if (restart) {
            work.clear();
          }
          new Attempt(prepared, identity, work, workers, meter).toTheEnd();
        }
        work.delete();
      }
    }
  }

  private boolean isArtefact() {
    return Files.exists(output.resolve(NibbleArtefact.MANIFEST));
  }

  private boolean madeBy(RunIdentity identity) {
    return NibbleArtefact.readManifest(output)
        .provenance()
        .path("fingerprint")
        .asText()
        .equals(identity.fingerprint());
  }

  /** One process's share of a run. */
  private final class Attempt {
    private final Preparation prepared;
    private final RunIdentity identity;
    private final WorkDirectory work;
    private final Workers workers;
    private final MemoryMeter meter;
    private final Journal journal;

    Attempt(
        Preparation prepared,
        RunIdentity identity,
        WorkDirectory work,
        Workers workers,
        MemoryMeter meter) {
      this.prepared = prepared;
      this.identity = identity;
      this.work = work;
      this.workers = workers;
      this.meter = meter;
      this.journal = Journal.open(work, identity);
    }

    void toTheEnd() {
      int resumed = journal.units().size();
      if (resumed == 0) {
        OutputCheck.space(work.root(), prepared.plan().forecast().scratchBytes());
      }
      Plan plan = timed();
      new QuantizationRun(prepared, work, journal, workers).finishBlocks();
      new TuningRun(prepared, work, journal, workers).finish();
      long start = System.nanoTime();
      Path folder = work.output();
      work.clear(folder);
      Assembler.assemble(journal, prepared.source(), folder, options.progress());
      plan = Audit.check(folder, plan, simulatedValues(), workers);
      double seconds =
          (System.nanoTime() - start) / 1e9
              + journal.units().stream().mapToDouble(UnitRecord::seconds).sum();
      long peak = meter.peakBytes();
      long measured = System.nanoTime();
      Provenance provenance = writeManifest(folder, plan);
      Optional<Compared> compared = evaluation.map(e -> compare(folder, e));
      double evaluated = compared.isPresent() ? (System.nanoTime() - measured) / 1e9 : 0;
      RunLog log =
          new RunLog(
              plan.forecast(), peak, seconds, evaluated, resumed, compared.map(Compared::fidelity));
      log.write(folder);
      new QuantizationReport(plan, provenance, log, compared.flatMap(Compared::divergence))
          .write(folder, weightBytes(folder));
      List<String> refused = new RecipeExports(options).write(folder);
      publish(folder);
      if (!refused.isEmpty()) {
        throw new NibbleException(
            output + " is finished, but not in every format: " + String.join("; ", refused));
      }
    }

    /** The plan with a time: from a probe, or from what earlier attempts have taken. */
    private Plan timed() {
      List<BlockHandle> blocks = prepared.model().blocks();
      double seconds = journal.units().stream().mapToDouble(UnitRecord::seconds).sum();
      int finished = Math.min(journal.units().size(), blocks.size());
      long done = blocks.subList(0, finished).stream().mapToLong(BlockHandle::residentBytes).sum();
      long all = blocks.stream().mapToLong(BlockHandle::residentBytes).sum();
      if (done == 0 && !options.probe()) {
        return prepared.plan();
      }
      double forecast = done == 0 ? Probe.seconds(prepared, workers) : seconds * all / done;
      return prepared.plan().with(prepared.plan().forecast().withSeconds(forecast));
    }

    private Map<String, Long> simulatedValues() {
      Map<String, Long> out = new TreeMap<>();
      journal.units().forEach(unit -> out.putAll(unit.values()));
      return out;
    }

    private Compared compare(Path folder, EvaluationOptions on) {
      return Compared.of(
          options.model(), folder, on, options.data(), options.threads(), options.progress());
    }

    private static long weightBytes(Path folder) {
      try {
        return Files.size(folder.resolve(NibbleArtefact.WEIGHTS));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    private Provenance writeManifest(Path folder, Plan plan) {
      Map<String, SiteOps> operators = new TreeMap<>();
      List<SolvedSite> solved = new ArrayList<>();
      List<StepEvent> events = new ArrayList<>(prepared.events());
      for (UnitRecord unit : journal.units()) {
        operators.putAll(unit.operators());
        solved.addAll(unit.solved());
        events.addAll(unit.events());
      }
      Provenance provenance =
          new Provenance(
              identity,
              options.model().toAbsolutePath().normalize().getFileName().toString(),
              prepared.calibration().tokens(),
              plan.elements(),
              plan.sourceBytes(),
              plan.fileBytes(),
              plan.bytesByType(),
              plan.allocations(),
              solved,
              events);
      NibbleArtefact.writeManifest(
          folder,
          NibbleArtefact.Manifest.of(prepared.model().config(), operators, provenance.toJson()));
      return provenance;
    }

    private void publish(Path folder) {
      try {
        Files.deleteIfExists(output); // an empty folder, as was checked
        Files.move(folder, output, StandardCopyOption.ATOMIC_MOVE);
      } catch (IOException e) {
        throw DiskTrouble.writing(output, e);
      }
    }
  }
}
