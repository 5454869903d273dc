package dev.nibble.compress.solve;

import dev.nibble.compress.BlockTask;
import dev.nibble.compress.CalibrationRun;
import dev.nibble.compress.Step;
import dev.nibble.compress.StoredForm;
import dev.nibble.compress.allocate.Allocation;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.MoeConfig;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.op.ActivationQuant;
import dev.nibble.core.tensor.AffineTensor;
import dev.nibble.models.Site;
import dev.nibble.models.Torch;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Rounds the routers of a mixture of experts so that they go on choosing the same experts (EAQuant,
 * section 3.2: routing consistency alignment). Grids span a fraction of each row's range; the
 * fraction, one for the whole router, is the one whose logits lose least by {@link RouterLoss} on
 * the inputs that the router will get, so this step comes after those that quantize attention. The
 * losses {@code mse} and {@code linear} choose a fraction for each row.
 *
 * <p>Time: {@code steps} products of {@code tokens} inputs with the router; memory: those inputs.
 */
public final class RouterAlignment implements Step {
  private final RouterOptions options;
  private MoeConfig moe = MoeConfig.NONE;

  /** Alignment with these options. */
  public RouterAlignment(RouterOptions options) {
    this.options = options;
  }

  @Override
  public Needs needs() {
    return Needs.INPUTS;
  }

  @Override
  public List<String> objections(ModelConfig config) {
    moe = config.moe();
    return config.moe().present()
        ? List.of()
        : List.of("has no router to align: this model has no experts; leave router_alignment out");
  }

  @Override
  public Optional<StoredForm> stores(Site site, Allocation allocation) {
    return router(site)
        ? Optional.of(new StoredForm.OfSpec(options.spec(), false))
        : Optional.empty();
  }

  private static boolean router(Site site) {
    return site.kind() == Site.Kind.ROUTER && site.name().endsWith("." + TensorNames.ROUTER);
  }

  @Override
  public long workingBytes(BlockShape shape) {
    return shape.stages().stream()
        .flatMap(stage -> stage.sites().stream())
        .filter(RouterAlignment::router)
        .mapToLong(s -> 4L * options.tokens() * (s.inputs() + 8L * s.outputs() * shape.threads()))
        .max()
        .orElse(0);
  }

  @Override
  public void prepare(dev.nibble.compress.ModelTask task) {
    moe = task.model().config().moe();
  }

  @Override
  public void apply(BlockTask task) {
    for (Site site : task.block().sites()) {
      if (router(site)) {
        align(task, site);
      }
    }
  }

  private void align(BlockTask task, Site site) {
    float[] w = SiteWeights.read(task, site);
    RouterRounding rounding = new RouterRounding(w, site.outputs(), site.inputs(), options.spec());
    AffineTensor best;
    try (Tensor inputs = inputs(task, site);
        Tensor weight = Torch.owned(() -> Torch.fromFloats(w, site.outputs(), site.inputs()));
        RouterLoss loss = new RouterLoss(inputs, weight, moe, options.loss().share())) {
      best = options.loss().byRow() ? byRow(task, rounding, loss, w) : whole(task, rounding, loss);
      record(task, site, rounding, loss, best);
    }
    SiteWeights.store(task, site, w, best);
    if (options.inputBits() > 0) {
      task.block().state(site.name()).inputQuant(ActivationQuant.perToken(options.inputBits()));
    }
  }

  /** The first of the fractions with the least loss. */
  private AffineTensor whole(BlockTask task, RouterRounding rounding, RouterLoss loss) {
    double[] ratios = options.ratios();
    double[] scores = new double[ratios.length];
    task.workers().forEach(ratios.length, i -> scores[i] = score(rounding.at(ratios[i]), loss));
    int best = 0;
    for (int i = 1; i < scores.length; i++) {
      if (scores[i] < scores[best]) {
        best = i;
      }
    }
    return rounding.at(ratios[best]);
  }

  private double score(AffineTensor rounded, RouterLoss loss) {
    try (Tensor weight = Torch.owned(() -> Torch.fromPacked(rounded, ScalarType.Float))) {
      double divergence = loss.klTop(weight);
      if (options.loss() != RouterOptions.Loss.LINEAR_KL) {
        return divergence;
      }
      double sum = 0;
      double[] rows = loss.byRow(weight);
      for (double row : rows) {
        sum += row;
      }
      return divergence + sum / rows.length / loss.tokens();
    }
  }

  private AffineTensor byRow(BlockTask task, RouterRounding rounding, RouterLoss loss, float[] w) {
    double[] ratios = options.ratios();
    double[][] scores = new double[ratios.length][];
    task.workers()
        .forEach(ratios.length, i -> scores[i] = rowScores(rounding.at(ratios[i]), loss, w));
    double[] best = new double[scores[0].length];
    for (int row = 0; row < best.length; row++) {
      int least = 0;
      for (int i = 1; i < scores.length; i++) {
        if (scores[i][row] < scores[least][row]) {
          least = i;
        }
      }
      best[row] = ratios[least];
    }
    return rounding.at(best);
  }

  private double[] rowScores(AffineTensor rounded, RouterLoss loss, float[] w) {
    if (options.loss() == RouterOptions.Loss.LINEAR) {
      try (Tensor weight = Torch.owned(() -> Torch.fromPacked(rounded, ScalarType.Float))) {
        return loss.byRow(weight);
      }
    }
    float[] found = rounded.toFloats();
    double[] out = new double[Math.toIntExact(rounded.rows())];
    int columns = rounded.columns();
    for (int i = 0; i < found.length; i++) {
      double d = (double) w[i] - found[i];
      out[i / columns] += d * d;
    }
    return out;
  }

  private void record(
      BlockTask task, Site site, RouterRounding rounding, RouterLoss loss, AffineTensor best) {
    try (Tensor found = Torch.owned(() -> Torch.fromPacked(best, ScalarType.Float));
        Tensor plain = Torch.owned(() -> Torch.fromPacked(rounding.at(1), ScalarType.Float))) {
      task.events()
          .record(
              "router_alignment.choice",
              site.name(),
              String.format(
                  Locale.ROOT,
                  "%s: divergence %.3e against %.3e unclipped; the same experts for %.2f %% of the"
                      + " tokens against %.2f %%",
                  options.loss().text(),
                  loss.klTop(found),
                  loss.klTop(plain),
                  100 * loss.agreement(found),
                  100 * loss.agreement(plain)));
      task.events()
          .solved(site.name(), options.spec().text(), loss.relative(found), loss.relative(plain));
    }
  }

  /** Evenly spaced calibration inputs of the router, {@code [tokens, in]}. */
  private Tensor inputs(BlockTask task, Site site) {
    int perBatch = Math.max(1, Math.ceilDiv(options.tokens(), Math.max(1, task.batches())));
    List<Tensor> parts = new ArrayList<>(Collections.nCopies(task.batches(), null));
    task.workers()
        .forEach(
            parts.size(),
            b ->
                CalibrationRun.observe(
                    task,
                    b,
                    (name, x) -> {
                      if (name.equals(site.name())) {
                        parts.set(b, Torch.keep(spread(x.reshape(-1, x.size(-1)), perBatch)));
                      }
                    }));
    Tensor all = Torch.owned(() -> torch.cat(new TensorVector(parts.toArray(Tensor[]::new)), 0));
    parts.forEach(Tensor::close);
    return all;
  }

  private static Tensor spread(Tensor rows, int wanted) {
    int count = (int) Math.min(wanted, rows.size(0));
    long[] index = new long[count];
    for (int i = 0; i < count; i++) {
      index[i] = i * rows.size(0) / count;
    }
    return rows.index_select(0, Torch.fromLongs(index, count));
  }
}
