package dev.nibble.compress.calibrate;

import dev.nibble.compress.BlockTask;
import dev.nibble.compress.ModelTask;
import dev.nibble.compress.Step;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.MoeConfig;
import dev.nibble.models.Site;
import java.util.List;
import java.util.Locale;

/**
 * Feeds every routed expert about the same number of calibration tokens (EAQuant, Fu et al. 2025,
 * section 3.3: calibration data balance). A target of {@code T = ratio · k · N / n} tokens, with k
 * of n experts a token and N tokens a sequence, caps frequent experts; sequences held in reserve
 * serve rare ones alone, so that what other sites see stays the same. Solvers that follow gather
 * their Hessians so.
 */
public final class ExpertBalance implements Step {
  private final double ratio;
  private final double reserve;
  private MoeConfig moe = MoeConfig.NONE;

  /**
   * @param ratio tokens of an expert, in multiples of its fair share of one sequence
   * @param reserve share of the calibration sequences that only experts below the target read
   */
  public ExpertBalance(double ratio, double reserve) {
    this.ratio = ratio;
    this.reserve = reserve;
  }

  @Override
  public Needs needs() {
    return Needs.INPUTS;
  }

  @Override
  public List<String> objections(ModelConfig config) {
    return config.moe().present()
        ? List.of()
        : List.of("has nothing to balance: this model has no experts; leave expert_balance out");
  }

  @Override
  public void prepare(ModelTask task) {
    moe = task.model().config().moe();
  }

  @Override
  public void apply(BlockTask task) {
    boolean experts =
        task.block().sites().stream().anyMatch(site -> site.kind() == Site.Kind.ROUTER);
    if (!experts) {
      return;
    }
    long length;
    try (var input = task.input(0)) {
      length = input.size(1);
    }
    long target = target(moe, ratio, length);
    int base = base(task.batches(), reserve);
    task.notes().expertQuota(new ExpertQuota(target, base));
    task.events()
        .record(
            "expert_balance.target",
            task.block().name(),
            String.format(
                Locale.ROOT,
                "%d tokens an expert; other sites read %d of %d batches",
                target,
                base,
                task.batches()));
  }

  /** {@code ⌈ratio · k · N / n⌉}. */
  static long target(MoeConfig moe, double ratio, long length) {
    return (long) Math.ceil(ratio * moe.topK() * length / moe.experts());
  }

  /** Batches of ordinary sites, at least 1. */
  static int base(int batches, double reserve) {
    return Math.max(1, batches - (int) Math.floor(reserve * batches));
  }
}
