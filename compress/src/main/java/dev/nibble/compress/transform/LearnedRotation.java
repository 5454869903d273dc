package dev.nibble.compress.transform;

import dev.nibble.compress.ModelTask;
import dev.nibble.compress.Step;
import dev.nibble.core.NibbleException;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.op.ActivationQuant;
import dev.nibble.core.op.OnlineTransform;
import dev.nibble.models.Block;
import dev.nibble.models.BlockHandle;
import dev.nibble.models.Model;
import dev.nibble.models.ResidentModel;
import dev.nibble.models.Torch;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.IntFunction;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Rotates a model as {@link Rotate} does, with rotations that are learned (SpinQuant, Liu et al.
 * 2024; sheet 32a, part D): the residual stream's, and one of the value heads for each block. They
 * start as randomised Hadamard matrices and descend the loss of the network with quantized inputs
 * (and weights, if asked) on calibration text, {@link RotationLearner}; what is kept is the state
 * with the smallest loss on held-out sequences, the start included.
 *
 * <p>Needs the whole model in memory, twice in fp32 and once more in gradients; {@code objective:
 * kl} once more.
 */
final class LearnedRotation implements Step {
  private static final String NAME = "learned_rotation";

  private final LearnOptions options;

  LearnedRotation(LearnOptions options) {
    this.options = options;
  }

  @Override
  public Needs needs() {
    return Needs.TOKENS;
  }

  @Override
  public List<String> objections(ModelConfig config) {
    List<String> out = new ArrayList<>(Rotate.objectionsTo(config));
    if (config.moe().present()) {
      out.add("learns rotations of models without experts only; use rotate");
    }
    return out;
  }

  @Override
  public void prepare(ModelTask task) {
    ModelConfig config = task.model().config();
    List<String> objections = objections(config);
    if (!objections.isEmpty()) {
      throw new NibbleException(NAME + ": " + String.join("; ", objections));
    }
    if (task.tokens().length() < 2) {
      throw new NibbleException(NAME + ": needs calibration sequences of two tokens or more");
    }
    long seed = options.start().seed() >= 0 ? options.start().seed() : task.seed();
    ResidualRotation start =
        ResidualRotation.draw(options.start().kind(), config.hiddenSize(), seed);
    OnlineHadamards online = OnlineHadamards.of(config, options.start());
    RotationLearner.Result result = learn(task, start, online, seed);
    try {
      double[] stream = Torch.scope(() -> Torch.toDoubles(result.rotations().getFirst().t()));
      ResidualRotation learned = new ResidualRotation.Dense(stream, config.hiddenSize());
      List<OnlineHadamards> inside = new ArrayList<>();
      for (int layer = 0; layer < config.layers(); layer++) {
        inside.add(options.values() ? online.withHead(head(result, layer)) : online);
      }
      RotationPlan plan = new RotationPlan(config, learned, inside::get);
      if (Rotate.install(task, plan, seed, NAME)) {
        report(task, result);
      }
    } finally {
      result.rotations().forEach(Tensor::close);
    }
  }

  private static Optional<OnlineTransform> head(RotationLearner.Result result, int layer) {
    Tensor r = result.rotations().get(layer + 1);
    return Optional.of(new OnlineTransform.BlockMatrix((int) r.size(0), Torch.toFloats(r)));
  }

  private RotationLearner.Result learn(
      ModelTask task, ResidualRotation start, OnlineHadamards online, long seed) {
    ModelConfig config = task.model().config();
    ActivationQuant inputs =
        new ActivationQuant(
            options.activationBits(),
            ActivationQuant.Granularity.TOKEN,
            0,
            true,
            (float) options.clipRatio(),
            0f,
            0);
    Optional<ActivationQuant> weights =
        options.weightBits() < 2
            ? Optional.empty()
            : Optional.of(ActivationQuant.perToken(options.weightBits()));
    boolean kl = options.objective() == LearnOptions.Objective.KL;
    IntFunction<OnlineHadamards> inside =
        layer -> options.values() ? online.withHead(Optional.empty()) : online;
    try (RotatedNetwork network =
            new RotatedNetwork(folded(task.model(), config, inside), inputs, weights);
        ResidentModel teacher = kl ? ResidentModel.load(task.model()) : null) {
      RotationLearner learner =
          new RotationLearner(
              network, teacher, options, task.tokens().sequences(), seed, task.workers());
      return learner.learn(start(config, start), task.progress());
    }
  }

  /** The model with folded norms, its stream as it was. */
  private static ResidentModel folded(
      Model model, ModelConfig config, IntFunction<OnlineHadamards> inside) {
    int width = config.hiddenSize();
    double[] unit = new double[width * width];
    for (int i = 0; i < width; i++) {
      unit[i * width + i] = 1;
    }
    RotationPlan plan = new RotationPlan(config, new ResidualRotation.Dense(unit, width), inside);
    List<Block> blocks = new ArrayList<>();
    List<BlockHandle> handles = model.blocks();
    for (int i = 0; i < handles.size(); i++) {
      try (Block original = handles.get(i).load()) {
        Rotate.refuseOperators(original, NAME);
        plan.add(handles.get(i).kind(), i - 1, original);
        blocks.add(RotationCheck.rotated(config, plan, i, original));
      }
    }
    return ResidentModel.of(plan.after(), blocks);
  }

  private List<Tensor> start(ModelConfig config, ResidualRotation start) {
    List<Tensor> out = new ArrayList<>();
    out.add(
        Torch.owned(
            () ->
                start.rows(torch.eye(config.hiddenSize(), new TensorOptions(ScalarType.Double)))));
    if (options.values()) {
      OnlineTransform head = OnlineHadamards.head(config.headDim());
      for (int layer = 0; layer < config.layers(); layer++) {
        out.add(
            Torch.owned(
                () ->
                    dev.nibble.models.OnlineTransforms.apply(
                        head, torch.eye(config.headDim(), new TensorOptions(ScalarType.Double)))));
      }
    }
    return out;
  }

  private void report(ModelTask task, RotationLearner.Result result) {
    task.events()
        .record(
            NAME,
            "model",
            String.format(
                Locale.ROOT,
                "held-out loss %.4f after %d of %d steps, %.4f at the start",
                result.after(),
                result.steps(),
                options.steps(),
                result.before()));
  }
}
