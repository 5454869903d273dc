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
 * does not depend on the number of threads.
 */
public final class HessianPass {
  private final BlockTask task;
  private final Map<String, Stage> wanted = new LinkedHashMap<>();

  private HessianPass(BlockTask task, List<Stage> stages) {
    this.task = task;
    // every site of a stage reads the same input: the first stands for all
    stages.forEach(stage -> wanted.put(stage.sites().getFirst().name(), stage));
  }

  /** What one batch gave. */
  private record Products(Map<String, Tensor> bySite, long sequences, long tokens) {}

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
    return new HessianPass(task, stages).run();
  }

  private Map<Stage, Hessian> run() {
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
    wanted.forEach(
        (site, stage) -> {
          Tensor product = products.bySite().get(site);
          if (!sums.get(stage).add(product, products.sequences(), products.tokens())) {
            task.events()
                .record(
                    "calibration.non-finite",
                    site,
                    "inputs of calibration batch " + batch + " are not finite; left out");
          }
        });
  }

  private Products batch(int index) {
    Map<String, Tensor> bySite = new LinkedHashMap<>();
    Set<String> missing = new HashSet<>(wanted.keySet());
    long[] size = new long[2];
    BlockContext context =
        new BlockContext(
            (site, input) -> {
              if (missing.remove(site)) {
                size[0] = input.size(0);
                size[1] = input.numel() / input.size(-1);
                bySite.put(site, Torch.keep(Hessian.product(input)));
                if (missing.isEmpty()) {
                  throw new Enough();
                }
              }
            });
    try {
      Torch.noGrad(
              () -> {
                Tensor input = task.input(index);
                return task.block().forward(input, context);
              })
          .close();
    } catch (Enough e) {
      return new Products(bySite, size[0], size[1]);
    } catch (RuntimeException | Error e) {
      bySite.values().forEach(Tensor::close);
      throw e;
    }
    bySite.values().forEach(Tensor::close);
    throw new IllegalStateException("block " + task.block().name() + " never ran " + missing);
  }

  private static void free(Products products) {
    if (products != null) {
      products.bySite().values().forEach(Tensor::close);
    }
  }
}
