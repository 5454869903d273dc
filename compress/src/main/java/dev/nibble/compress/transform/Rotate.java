package dev.nibble.compress.transform;

import dev.nibble.compress.Events;
import dev.nibble.compress.ModelTask;
import dev.nibble.compress.Step;
import dev.nibble.core.NibbleException;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.ModelConfig.Norm;
import dev.nibble.core.model.ModelConfig.Positions;
import dev.nibble.core.model.ModelConfig.Residual;
import dev.nibble.models.Block;
import dev.nibble.models.BlockHandle;
import dev.nibble.models.Model;
import java.util.ArrayList;
import java.util.List;

/**
 * Rotates a model's hidden space so that outlier channels disappear (QuaRot, Ashkboos et al. 2024;
 * without online transforms SpinQuant's merged part with fixed rotations, Liu et al. 2024).
 *
 * <p>Norm gains are folded into their readers (LayerNorm turned into RMSNorm first), then one
 * orthogonal {@code Q} goes through everything that reads or writes the residual stream: {@code W
 * Q} for readers, {@code Qᵀ W} for writers, {@code E Q} for embeddings. Value heads take a Hadamard
 * transform of their own; what cannot be merged into weights stays as online transform at {@code
 * o_proj}, {@code down_proj} and, if asked, at queries and keys.
 *
 * <p>The weights are read once to copy the norms and to compare each block with its rotated self;
 * nothing is installed unless all agree. Time O(parameters · log width); memory of two blocks.
 */
public final class Rotate implements Step {
  private static final String NAME = "rotate";

  private final RotationOptions options;

  /** A rotation with these options. */
  public Rotate(RotationOptions options) {
    this.options = options;
  }

  @Override
  public Needs needs() {
    return Needs.NOTHING;
  }

  @Override
  public List<String> objections(ModelConfig config) {
    return objectionsTo(config);
  }

  /** Why a model's residual stream cannot be turned. */
  static List<String> objectionsTo(ModelConfig config) {
    List<String> out = new ArrayList<>();
    if (config.residual() == Residual.POST_NORM) {
      out.add(
          "cannot turn a model with norms behind the residual adds, because the norm's gain"
              + " acts on the stream itself; leave rotate out");
    }
    if (config.residual() == Residual.SANDWICH) {
      out.add(
          "cannot turn a model with norms behind attention and MLP, because their gains act on"
              + " what is added to the stream; leave rotate out");
    }
    if (config.embeddingNorm()
        && (config.positions() == Positions.LEARNED
            || config.embeddingSize() != config.hiddenSize())) {
      out.add(
          "cannot fold the norm after the embedding into the table, because positions or a"
              + " projection come between; leave rotate out");
    }
    if (config.norm() == Norm.LAYER && config.moe().present()) {
      out.add("cannot fold LayerNorm's bias into a router, which has none; leave rotate out");
    }
    if (config.norm() == Norm.LAYER && !config.finalNorm()) {
      out.add(
          "cannot centre the residual stream of a LayerNorm model whose head has no norm;"
              + " leave rotate out");
    }
    return out;
  }

  @Override
  public void prepare(ModelTask task) {
    ModelConfig config = task.model().config();
    List<String> objections = objections(config);
    if (!objections.isEmpty()) {
      throw new NibbleException("rotate: " + String.join("; ", objections));
    }
    long seed = options.seed() >= 0 ? options.seed() : task.seed();
    ResidualRotation rotation = ResidualRotation.draw(options.kind(), config.hiddenSize(), seed);
    OnlineHadamards online = OnlineHadamards.of(config, options);
    RotationPlan plan = new RotationPlan(config, rotation, layer -> online);
    if (install(task, plan, seed, NAME)) {
      report(config, plan.after(), rotation, online, task.events());
    }
  }

  /**
   * Checks a rotation and installs it.
   *
   * @param step recipe key, for messages
   * @return false when a block's outputs differ: the model stays as it was
   */
  static boolean install(ModelTask task, RotationPlan plan, long seed, String step) {
    Model model = task.model();
    int layers = model.config().layers();
    if (!verify(model, plan, seed, task.events(), step)) {
      return false;
    }
    model.install(plan.rewrite(), plan.after());
    for (int layer = 0; layer < layers; layer++) {
      plan.transforms(layer).forEach(model::installTransform);
    }
    return true;
  }

  /** Fills the plan and compares every block; false when one differs. */
  private static boolean verify(
      Model model, RotationPlan plan, long seed, Events events, String step) {
    List<BlockHandle> handles = model.blocks();
    double worst = 0;
    try (RotationCheck check = new RotationCheck(model.config(), plan, seed)) {
      for (int i = 0; i < handles.size(); i++) {
        BlockHandle handle = handles.get(i);
        try (Block block = handle.load()) {
          refuseOperators(block, step);
          plan.add(handle.kind(), i - 1, block);
          double difference = check.compare(handle.kind(), i, block);
          if (!RotationCheck.accepts(difference)) {
            events.record(
                step + ".rolled-back",
                handle.name(),
                String.format(
                    java.util.Locale.ROOT,
                    "outputs of the rotated block differ by %.2e; the model stays as it was",
                    difference));
            return false;
          }
          worst = Math.max(worst, difference);
        }
      }
    }
    events.record(
        step + ".verified",
        "model",
        String.format(java.util.Locale.ROOT, "block outputs agree within a relative %.2e", worst));
    return true;
  }

  /** A rotation goes first: an earlier step's operators would see another basis. */
  static void refuseOperators(Block block, String step) {
    block
        .sites()
        .forEach(
            site -> {
              if (!block.state(site.name()).ops().isPlain()) {
                throw new NibbleException(
                    step
                        + ": "
                        + site.name()
                        + " already has run-time operators; rotate the original model, before"
                        + " other steps");
              }
            });
  }

  private static void report(
      ModelConfig before,
      ModelConfig after,
      ResidualRotation rotation,
      OnlineHadamards online,
      Events events) {
    events.record("rotate.residual", "model", rotation.description());
    for (String note : online.notes()) {
      events.record("rotate.width", "model", note);
    }
    if (before.tiedHead() && !after.tiedHead()) {
      events.record(
          "rotate.untied",
          "lm_head",
          "head and embedding now differ: "
              + (long) before.vocabSize() * before.hiddenSize()
              + " more weights are stored");
    }
    if (before.norm() != after.norm()) {
      events.record(
          "rotate.norm", "model", "LayerNorm became RMSNorm; its biases moved to readers");
    }
  }
}
