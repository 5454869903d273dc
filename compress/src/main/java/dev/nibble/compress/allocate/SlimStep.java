package dev.nibble.compress.allocate;

import dev.nibble.compress.BlockTask;
import dev.nibble.compress.CalibrationRun;
import dev.nibble.compress.ModelTask;
import dev.nibble.compress.Step;
import dev.nibble.compress.calibrate.Hessian;
import dev.nibble.compress.calibrate.HessianPass;
import dev.nibble.compress.solve.LossCosts;
import dev.nibble.compress.solve.SiteWeights;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.models.BlockHandle;
import dev.nibble.models.Site;
import dev.nibble.models.Stage;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Salience-determined bit allocation (SliM-LLM, Huang et al. 2024; sheet 10 A): inside every linear
 * some groups of columns get one bit more and as many one bit less. How many is decided when the
 * block is at hand, by what the linear makes of the inputs that the quantized blocks before it
 * produce; until then a quarter either way is forecast.
 */
final class SlimStep implements Step {
  private static final int FEWEST_GROUPS = 4;

  private final SlimOptions options;

  SlimStep(SlimOptions options) {
    this.options = options;
  }

  @Override
  public Needs needs() {
    return Needs.INPUTS;
  }

  @Override
  public void prepare(ModelTask task) {
    for (BlockHandle block : task.model().blocks()) {
      for (Site site : block.sites()) {
        if (widened(block.name(), site)) {
          int groups = Math.ceilDiv(site.inputs(), options.groupSize());
          SlimWidths widths = widths(new double[groups], site);
          task.allocation().forecast(site.name(), assignment(widths, (widths.most() + 1) / 2));
        }
      }
    }
  }

  private static boolean widened(String block, Site site) {
    return block.startsWith("model.layers.") && site.kind() == Site.Kind.LINEAR;
  }

  private SlimWidths widths(double[] salience, Site site) {
    int whole = salience.length < FEWEST_GROUPS ? 0 : site.inputs() / options.groupSize();
    return new SlimWidths(salience, whole, options.reversed());
  }

  private Assignment assignment(SlimWidths widths, int m) {
    return m == 0
        ? new Assignment.Uniform(options.specs().get(SlimWidths.SAME))
        : new Assignment.Columns(options.specs(), options.groupSize(), widths.classes(m));
  }

  /** A stage's Hessian while it is factored, and three copies of its weights. */
  @Override
  public long workingBytes(BlockShape shape) {
    return shape.stages().stream()
        .mapToLong(
            stage -> {
              long n = stage.sites().getFirst().inputs();
              long weights = stage.sites().stream().mapToLong(s -> n * s.outputs()).sum();
              long outputs = stage.sites().stream().mapToLong(Site::outputs).max().orElse(0);
              return Math.max(8 * n * n * (7 + shape.threads()), 16 * weights)
                  + 4L * shape.batchTokens() * shape.threads() * (n + 4 * outputs);
            })
        .max()
        .orElse(0);
  }

  @Override
  public List<String> objections(ModelConfig config) {
    int widest = Math.max(config.hiddenSize(), config.ffnSize());
    return widest / options.groupSize() >= FEWEST_GROUPS
        ? List.of()
        : List.of(
            "group_size: "
                + options.groupSize()
                + " leaves fewer than "
                + FEWEST_GROUPS
                + " whole groups of columns in every linear; use "
                + Math.max(1, widest / 8)
                + " or less");
  }

  @Override
  public void apply(BlockTask task) {
    for (Stage stage : task.block().stages()) {
      List<Site> sites =
          stage.sites().stream().filter(s -> widened(task.block().name(), s)).toList();
      if (!sites.isEmpty()) {
        decide(task, stage, sites);
      }
    }
  }

  private void decide(BlockTask task, Stage stage, List<Site> sites) {
    Optional<double[]> costs = costs(task, stage);
    if (costs.isEmpty()) {
      for (Site site : sites) {
        task.events()
            .record(
                "slim.uniform",
                site.name(),
                "its calibration inputs are all zero, or their Hessian cannot be factored; every"
                    + " group gets "
                    + options.bits()
                    + " bits");
        task.notes().assign(site.name(), assignment(widths(new double[1], site), 0));
      }
      return;
    }
    List<SlimWidths> widths = new ArrayList<>();
    List<SlimSearch> searches = new ArrayList<>();
    try {
      for (Site site : sites) {
        float[] w = SiteWeights.read(task, site);
        double[] salience = SlimWidths.salience(w, costs.get(), options.groupSize());
        widths.add(widths(salience, site));
        searches.add(new SlimSearch(w, site.inputs(), widths.getLast(), options, task.workers()));
      }
      double[][] distances = distances(task, stage, searches, widths);
      for (int i = 0; i < sites.size(); i++) {
        choose(task, sites.get(i), widths.get(i), distances[i]);
      }
    } finally {
      searches.forEach(SlimSearch::close);
    }
  }

  private Optional<double[]> costs(BlockTask task, Stage stage) {
    Map<Stage, Hessian> hessians = HessianPass.collect(task, List.of(stage));
    try {
      return LossCosts.of(hessians.get(stage), options.dampPercent(), task.workers());
    } finally {
      hessians.values().forEach(Hessian::close);
    }
  }

  /** Mean over batches of the distances of each site's candidates. */
  private static double[][] distances(
      BlockTask task, Stage stage, List<SlimSearch> searches, List<SlimWidths> widths) {
    String first = stage.sites().getFirst().name();
    double[][][] slots = new double[task.batches()][searches.size()][];
    task.workers()
        .forEach(
            task.batches(),
            batch ->
                CalibrationRun.observe(
                    task,
                    batch,
                    (site, input) -> {
                      if (site.equals(first)) {
                        Tensor x = input.detach().reshape(-1, input.size(-1)).to(ScalarType.Float);
                        for (int i = 0; i < searches.size(); i++) {
                          slots[batch][i] = searches.get(i).distances(x);
                        }
                      }
                    }));
    double[][] means = new double[searches.size()][];
    for (int i = 0; i < means.length; i++) {
      means[i] = new double[widths.get(i).most() + 1];
      for (double[][] slot : slots) {
        for (int m = 0; m < means[i].length; m++) {
          means[i][m] += slot[i][m] / slots.length;
        }
      }
    }
    return means;
  }

  private void choose(BlockTask task, Site site, SlimWidths widths, double[] distances) {
    int best = options.includeUniform() || distances.length == 1 ? 0 : 1;
    for (int m = best + 1; m < distances.length; m++) {
      if (distances[m] < distances[best]) {
        best = m;
      }
    }
    task.notes().assign(site.name(), assignment(widths, best));
    int groups = Math.ceilDiv(site.inputs(), options.groupSize());
    task.events()
        .record(
            "slim.widths",
            site.name(),
            String.format(
                Locale.ROOT,
                "%d of %d groups with a bit more and as many with one less, distance %.4g against"
                    + " %.4g with %d bits for all",
                best,
                groups,
                distances[best],
                distances[0],
                options.bits()));
  }
}
