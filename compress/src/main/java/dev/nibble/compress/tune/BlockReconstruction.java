package dev.nibble.compress.tune;

import dev.nibble.compress.BlockTask;
import dev.nibble.compress.transform.Equivalence;
import dev.nibble.core.op.ActivationQuant;
import dev.nibble.core.op.OnlineTransform;
import dev.nibble.models.Block;
import dev.nibble.models.BlockContext;
import dev.nibble.models.Site;
import dev.nibble.models.Substitutes;
import dev.nibble.models.Torch;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import org.bytedeco.pytorch.Tensor;

/**
 * Takes one block from where its weights may be changed and clipped to its stored weights: of
 * several starts the one with the least held-out loss is trained, its changes of basis are folded
 * into the parameters, the weights are rounded to the learned grids. Where training breaks, or what
 * is folded changes the function, the next start is tried.
 */
final class BlockReconstruction {
  /** Largest accepted {@code ‖difference‖ / ‖output‖} of a fold; fp32 rounding gives about 1e-6. */
  private static final double TOLERANCE = 1e-4;

  private final BlockTask task;
  private final String step;
  private final TuneOptions tuning;
  private final ClippedSites sites;
  private final double clipRate;

  BlockReconstruction(
      BlockTask task, String step, TuneOptions tuning, ClippedSites sites, double clipRate) {
    this.task = task;
    this.step = step;
    this.tuning = tuning;
    this.sites = sites;
    this.clipRate = clipRate;
  }

  /**
   * Something to start training from.
   *
   * @param name for events
   * @param places makes the places
   * @param competes tried against the other competing starts by its loss; else only used when those
   *     failed
   * @param exact folding it keeps the function
   */
  record Start(String name, Supplier<List<Place>> places, boolean competes, boolean exact) {
    /** The weights as they are. */
    static final Start PLAIN = new Start("no transforms", List::of, false, true);
  }

  /** Tunes and stores; the last start must not fail. */
  void run(List<Start> starts) {
    List<Start> order = new ArrayList<>(starts);
    List<Start> competing = order.stream().filter(Start::competes).toList();
    if (competing.size() > 1) {
      Start best = best(competing);
      order.removeAll(competing);
      order.addFirst(best);
    }
    for (int i = 0; i < order.size(); i++) {
      try (Attempt attempt = new Attempt(order.get(i))) {
        if (attempt.run(i == order.size() - 1)) {
          return;
        }
      }
    }
    throw new IllegalStateException(step + ": no start of " + task.block().name() + " was kept");
  }

  private Start best(List<Start> competing) {
    BlockTuner tuner = new BlockTuner(task, step, tuning);
    Start best = competing.getLast();
    double least = Double.POSITIVE_INFINITY;
    StringBuilder losses = new StringBuilder();
    for (Start start : competing) {
      try (Attempt attempt = new Attempt(start)) {
        double loss = tuner.loss(attempt.tuned);
        losses.append(String.format(Locale.ROOT, "%s %.4g, ", start.name(), loss));
        if (loss < least) {
          least = loss;
          best = start;
        }
      }
    }
    task.events()
        .record(
            step + ".start",
            task.block().name(),
            "held-out loss of starting with " + losses + "training from " + best.name());
    return best;
  }

  /** Training from one start. */
  private final class Attempt implements AutoCloseable {
    private final Start start;
    private final Map<String, LearnedClip> clips;
    private final TunedBlock tuned;

    Attempt(Start start) {
      this.start = start;
      List<Place> places = start.places().get();
      Map<String, Tensor> changed = Map.of();
      if (!places.isEmpty()) {
        TunedBlock unclipped = new TunedBlock(task.block(), places, Map.of(), 0);
        changed = unclipped.folded(); // places stay open for the clipped block
      }
      this.clips = sites.clips(changed);
      changed.values().forEach(Tensor::close);
      this.tuned = new TunedBlock(task.block(), places, clips, clipRate);
    }

    /** Returns whether the result was stored. */
    boolean run(boolean last) {
      BlockTuner tuner = new BlockTuner(task, step, tuning);
      if (!last && !Double.isFinite(tuner.loss(tuned))) {
        return failed("its loss is not finite");
      }
      tuner.tune(tuned);
      if (!fold()) {
        return false;
      }
      sites.store(clips);
      return true;
    }

    private boolean failed(String why) {
      task.events().record(step + ".fallback", task.block().name(), start.name() + ": " + why);
      return false;
    }

    /** Folds unless that changes the function, and says whether it was folded. */
    private boolean fold() {
      if (tuned.places().isEmpty()) {
        return true;
      }
      Optional<String> problem =
          tuned.places().stream().flatMap(place -> place.problem().stream()).findFirst();
      if (problem.isPresent()) {
        return failed(problem.get());
      }
      Map<String, Tensor> folded = tuned.folded();
      Map<String, Tensor> matrices = tuned.matrices();
      try {
        double difference = difference(folded, matrices);
        if (start.exact() && !(difference <= TOLERANCE)) {
          return failed(
              String.format(
                  Locale.ROOT, "outputs of the rewritten block differ by %.2e", difference));
        }
        if (!start.exact()) {
          task.events()
              .record(
                  step + ".inexact",
                  task.block().name(),
                  String.format(
                      Locale.ROOT,
                      "the transforms by themselves change the outputs by %.2e",
                      difference));
        }
        tuned.places().forEach(this::report);
        Block block = task.block();
        folded.forEach((name, value) -> Torch.run(() -> block.setParameter(name, value.clone())));
        matrices.forEach(
            (site, matrix) ->
                block
                    .state(site)
                    .transforms()
                    .add(
                        new OnlineTransform.BlockMatrix(
                            Math.toIntExact(matrix.size(0)), Torch.toFloats(matrix))));
        return true;
      } finally {
        folded.values().forEach(Tensor::close);
        matrices.values().forEach(Tensor::close);
      }
    }

    private void report(Place place) {
      place
          .report()
          .forEach((kind, what) -> task.events().record(step + "." + kind, place.name(), what));
    }

    @Override
    public void close() {
      tuned.close();
    }
  }

  /** Relative difference of the output of the first batch, with unquantized inputs of sites. */
  private double difference(Map<String, Tensor> folded, Map<String, Tensor> matrices) {
    Block block = task.block();
    Map<String, ActivationQuant> quantizers = new LinkedHashMap<>();
    for (Site site : block.sites()) {
      block.state(site.name()).inputQuant().ifPresent(q -> quantizers.put(site.name(), q));
    }
    quantizers.keySet().forEach(site -> block.state(site).inputQuant(null));
    try (Tensor input = task.input(0);
        Block view = block.view(new Substitutes(folded, matrices));
        Tensor before = Torch.owned(() -> block.forward(input, BlockContext.PLAIN));
        Tensor after = Torch.owned(() -> view.forward(input, BlockContext.PLAIN))) {
      return Equivalence.relativeDifference(before, after);
    } finally {
      quantizers.forEach((site, q) -> block.state(site).inputQuant(q));
    }
  }
}
