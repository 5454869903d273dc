package dev.nibble.compress.allocate;

import dev.nibble.compress.ModelTask;
import dev.nibble.compress.calibrate.Hessian;
import dev.nibble.compress.solve.TrialSolver;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.models.Block;
import dev.nibble.models.BlockHandle;
import dev.nibble.models.Site;
import dev.nibble.models.Stage;
import dev.nibble.models.Torch;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * What storing one weight at one level costs the whole network, before anything is stored: the
 * Kullback–Leibler divergence of the network's predictions to second order,
 *
 * <pre>
 *   KL(δ) ≈ ½ Σ_rows E[(g_c · δ_c)²]        g = ∂ Σ log p(y) / ∂W,  y drawn from the network
 * </pre>
 *
 * with {@code δ = Ŵ − W} from a {@link TrialSolver} at each level. Rounding errors of different
 * rows are independent, so what rows do to each other averages out and a sequence gives as many
 * samples as a weight has rows. A tied head moves with the embedding; both gradients are added
 * before the square.
 *
 * <p>One forward and two more passes' worth of work for the gradients, and a solve for each weight
 * and level; memory of one block at each level.
 */
final class PredictedDivergence implements GradientPass.Visitor {
  private final ModelTask task;
  private final Choices choices;
  private final int[][] sequences;
  private final boolean tied;
  private final Map<String, Integer> unitOf = new HashMap<>();
  private final double[][][] parts;
  private final Map<Integer, double[][]> headParts = new HashMap<>();
  private final Map<String, List<Tensor>> changes = new HashMap<>();

  private PredictedDivergence(ModelTask task, Choices choices, int[][] sequences) {
    this.task = task;
    this.choices = choices;
    this.sequences = sequences;
    this.tied = task.model().config().tiedHead();
    this.parts = new double[choices.units().size()][choices.levels().size()][sequences.length];
    for (int u = 0; u < parts.length; u++) {
      for (Site site : choices.units().get(u).sites()) {
        unitOf.put(site.name(), u);
      }
    }
    if (tied && unitOf.containsKey(TensorNames.EMBEDDING)) {
      unitOf.put(TensorNames.HEAD, unitOf.get(TensorNames.EMBEDDING));
    }
  }

  /** Nats for each token, {@code [units][levels]}. */
  static double[][] of(ModelTask task, Choices choices, int[][] sequences) {
    PredictedDivergence scores = new PredictedDivergence(task, choices, sequences);
    try {
      GradientPass.run(task, sequences, Losses.drawn(task.seed()), scores, "sensitivity");
    } finally {
      scores.forget();
    }
    return scores.mean();
  }

  private double[][] mean() {
    double tokens = (double) sequences.length * sequences[0].length;
    double[][] out = new double[parts.length][choices.levels().size()];
    for (int u = 0; u < out.length; u++) {
      for (int l = 0; l < out[u].length; l++) {
        double apart = 0;
        for (int s = 0; s < sequences.length; s++) {
          apart += parts[u][l][s];
        }
        out[u][l] = 0.5 * apart / tokens;
      }
    }
    return out;
  }

  private static List<Site> matrices(List<Site> sites) {
    return sites.stream()
        .filter(s -> s.kind() == Site.Kind.LINEAR || s.kind() == Site.Kind.EMBEDDING)
        .toList();
  }

  @Override
  public List<String> wanted(BlockHandle block) {
    return matrices(block.sites()).stream()
        .filter(site -> unitOf.containsKey(site.name()))
        .map(site -> TensorNames.weight(site.name()))
        .toList();
  }

  @Override
  public void arrive(int index, Block block, List<Tensor> inputs) {
    List<Stage> stages =
        block.stages().stream()
            .filter(stage -> stage.sites().stream().anyMatch(s -> solved(s)))
            .toList();
    Map<Stage, Hessian> hessians =
        stages.isEmpty() ? Map.of() : StageHessians.of(task, index, block, stages, inputs);
    try {
      hessians.forEach(
          (stage, hessian) -> {
            TrialSolver solver = TrialSolver.of(hessian, task.workers());
            stage.sites().stream()
                .filter(this::solved)
                .forEach(site -> changes.put(site.name(), changes(block, site, solver)));
          });
    } finally {
      hessians.values().forEach(Hessian::close);
    }
    for (Site site : matrices(block.sites())) {
      if (unitOf.containsKey(site.name()) && !solved(site)) {
        TrialSolver rounding = TrialSolver.rounding(task.workers());
        changes.put(site.name(), changes(block, site, rounding));
      }
    }
  }

  /** Linears are solved; tables, and a head that is one, are rounded. */
  private boolean solved(Site site) {
    boolean table =
        site.kind() != Site.Kind.LINEAR || (tied && site.name().equals(TensorNames.HEAD));
    return unitOf.containsKey(site.name()) && !table;
  }

  /** {@code Ŵ − W} at each level; null where the weight is kept. */
  private List<Tensor> changes(Block block, Site site, TrialSolver solver) {
    Tensor weight = block.parameter(TensorNames.weight(site.name()));
    float[] w = Torch.toFloats(weight);
    List<Tensor> out = new ArrayList<>();
    for (Level level : choices.levels()) {
      if (level.assignment() instanceof Assignment.Uniform(QuantSpec spec)) {
        PackedTensor stored = solver.solve(w, Torch.shape(weight), spec);
        out.add(Torch.owned(() -> Torch.fromPacked(stored, ScalarType.Float).sub(weight.detach())));
      } else {
        out.add(null);
      }
    }
    return out;
  }

  @Override
  public void gradients(
      int index,
      int sequence,
      Block block,
      Tensor input,
      Tensor inputGradient,
      Map<String, Tensor> parameters) {
    for (Site site : matrices(block.sites())) {
      Integer unit = unitOf.get(site.name());
      if (unit == null) {
        continue;
      }
      double[][] rows = rows(parameters.get(TensorNames.weight(site.name())), site);
      if (tied && site.name().equals(TensorNames.HEAD)) {
        synchronized (headParts) {
          headParts.put(sequence, rows);
        }
        continue;
      }
      boolean shared = tied && site.kind() == Site.Kind.EMBEDDING;
      double[][] more = shared ? headParts.get(sequence) : null;
      for (int l = 0; l < rows.length; l++) {
        add(unit, l, sequence, rows[l], more == null ? null : more[l]);
      }
    }
  }

  /** {@code g_c · δ_c} at each level, by row; empty where the weight is kept. */
  private double[][] rows(Tensor gradient, Site site) {
    List<Tensor> levels = changes.get(site.name());
    double[][] out = new double[levels.size()][];
    for (int l = 0; l < out.length; l++) {
      Tensor change = levels.get(l);
      out[l] =
          change == null
              ? new double[0]
              : Torch.noGrad(
                  () ->
                      Torch.toDoubles(
                          gradient
                              .mul(change)
                              .sum(
                                  new long[] {1},
                                  false,
                                  new ScalarTypeOptional(ScalarType.Double))));
    }
    return out;
  }

  private void add(int unit, int level, int sequence, double[] rows, double[] more) {
    for (int c = 0; c < rows.length; c++) {
      double a = rows[c] + (more == null ? 0 : more[c]);
      parts[unit][level][sequence] += a * a;
    }
  }

  @Override
  public void leave(int index, Block block) {
    forget();
  }

  private void forget() {
    for (List<Tensor> levels : changes.values()) {
      levels.forEach(
          t -> {
            if (t != null) {
              t.close();
            }
          });
    }
    changes.clear();
  }
}
