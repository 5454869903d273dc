package dev.nibble.compress.calibrate;

import dev.nibble.compress.BlockTask;
import dev.nibble.models.BlockContext;
import dev.nibble.models.Stage;
import dev.nibble.models.Torch;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;

/**
 * Runs the calibration batches through a block and gathers the Hessian of each stage's shared
 * input. Batches run in parallel; their products are added in the order of the batches, so the sum
 * does not depend on the number of threads. Where an earlier step has set {@link TokenWeights},
 * each input vector counts as often as its token.
 *
 * <p>A routed expert's Hessian is that of the tokens the router sends it. Where these are fewer
 * than {@link ExpertCoverage#minimum}, it is that of all tokens instead.
 */
public final class HessianPass {
  private final BlockTask task;
  private final Map<String, Stage> wanted = new LinkedHashMap<>();
  private final Set<String> shownAll;
  private final ExpertShares shares;

  HessianPass(BlockTask task, Iterable<Stage> stages, Set<String> shownAll, ExpertShares shares) {
    this.task = task;
    this.shownAll = shownAll;
    this.shares = shares;
    // every site of a stage reads the same input: the first stands for all
    stages.forEach(stage -> wanted.put(stage.sites().getFirst().name(), stage));
  }

  /** What one batch gave; nothing for an expert that none of its tokens went to. */
  private record Products(Map<String, Tensor> bySite, Map<String, Long> tokens, long sequences) {}

  /** Ends a forward pass once every wanted input was seen: what follows cannot matter. */
  private static final class Enough extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Enough() {
      super(null, null, false, false);
    }
  }

  /**
   * Hessians of {@code stages}, which the caller closes. A batch with NaN or infinite inputs at a
   * stage is left out of that stage's sum and recorded as {@code calibration.non-finite}.
   */
  public static Map<Stage, Hessian> collect(BlockTask task, List<Stage> stages) {
    ExpertShares shares = ExpertShares.of(task, stages);
    Map<Stage, Hessian> sums = new HessianPass(task, stages, Set.of(), shares).run();
    try {
      ExpertCoverage.complete(task, sums, shares);
      return sums;
    } catch (RuntimeException | Error e) {
      sums.values().forEach(Hessian::close);
      throw e;
    }
  }

  Map<Stage, Hessian> run() {
    Map<Stage, Hessian> sums = new LinkedHashMap<>();
    try {
      wanted
          .values()
          .forEach(stage -> sums.put(stage, new Hessian(stage.sites().getFirst().inputs())));
      int wave = task.workers().threads();
      for (int first = 0; first < task.batches(); first += wave) {
        addWave(first, Math.min(wave, task.batches() - first), sums);
      }
      return sums;
    } catch (RuntimeException | Error e) {
      sums.values().forEach(Hessian::close);
      throw e;
    }
  }

  private void addWave(int first, int count, Map<Stage, Hessian> sums) {
    List<Products> slots = new ArrayList<>(Collections.nCopies(count, null));
    try {
      task.workers().forEach(count, i -> slots.set(i, batch(first + i)));
      for (int i = 0; i < count; i++) {
        add(first + i, slots.get(i), sums);
      }
    } finally {
      slots.forEach(HessianPass::free);
    }
  }

  private void add(int batch, Products products, Map<Stage, Hessian> sums) {
    products
        .bySite()
        .forEach(
            (site, product) -> {
              Hessian sum = sums.get(wanted.get(site));
              if (!sum.add(product, products.sequences(), products.tokens().get(site))) {
                task.events()
                    .record(
                        "calibration.non-finite",
                        site,
                        "inputs of calibration batch " + batch + " are not finite; left out");
              }
            });
  }

  private Products batch(int index) {
    Watch watch = new Watch(index);
    long[] sequences = new long[1];
    try {
      if (!watch.missing.isEmpty()) {
        Torch.noGrad(
                () -> {
                  Tensor input = task.input(index);
                  sequences[0] = input.size(0);
                  return task.block().forward(input, new BlockContext(watch, shownAll));
                })
            .close();
      }
    } catch (Enough e) {
      return watch.products(sequences[0]);
    } catch (RuntimeException | Error e) {
      watch.close();
      throw e;
    }
    watch.missing.removeIf(ExpertCoverage::routed);
    if (!watch.missing.isEmpty()) {
      watch.close();
      throw new IllegalStateException(
          "block " + task.block().name() + " never ran " + watch.missing);
    }
    return watch.products(sequences[0]);
  }

  /** Takes the inputs of one forward pass, of each site once. */
  private final class Watch implements BlockContext.SiteObserver {
    private final int batch;
    private final Map<String, Tensor> bySite = new LinkedHashMap<>();
    private final Map<String, Long> tokens = new LinkedHashMap<>();
    private final Set<String> missing;

    Watch(int batch) {
      this.batch = batch;
      this.missing = new HashSet<>(wanted.keySet());
      missing.removeIf(site -> !shares.takes(site, batch, !shownAll.isEmpty()));
    }

    @Override
    public void observe(String site, Tensor input) {
      if (missing.remove(site)) {
        long rows = input.numel() / input.size(-1);
        long share = shownAll.isEmpty() ? shares.rows(site, batch, rows) : rows;
        if (share > 0) {
          Tensor part = share < rows ? input.narrow(1, 0, share) : input;
          tokens.put(site, share);
          bySite.put(site, Torch.keep(product(wanted.get(site), batch, part)));
        }
        if (missing.isEmpty()) {
          throw new Enough();
        }
      }
    }

    Products products(long sequences) {
      return new Products(bySite, tokens, sequences);
    }

    void close() {
      bySite.values().forEach(Tensor::close);
    }
  }

  /** Tokens that were routed away have no weight here, so a routed input counts them all alike. */
  private Tensor product(Stage stage, int batch, Tensor input) {
    return task.notes()
        .tokenWeights()
        .filter(weights -> weights.appliesTo(stage))
        .map(weights -> weights.of(batch))
        .filter(weights -> weights.length == input.numel() / input.size(-1))
        .map(weights -> Hessian.product(input, weights))
        .orElseGet(() -> Hessian.product(input));
  }

  private static void free(Products products) {
    if (products != null) {
      products.bySite().values().forEach(Tensor::close);
    }
  }
}
