package dev.nibble.compress.transform;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.compress.testing.TinyFamilies;
import dev.nibble.core.model.InMemoryWeights;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.models.Block;
import dev.nibble.models.BlockContext;
import dev.nibble.models.BlockHandle;
import dev.nibble.models.DecoderModel;
import dev.nibble.models.Rewrite;
import dev.nibble.models.Torch;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The rewrites in fp64, where nothing but the mathematics can make a difference. */
class RotationPrecisionTest {

  @ParameterizedTest
  @ValueSource(
      strings = {"llama", "qwen2", "qwen3", "opt", "opt-projected", "gpt2", "gpt_neox", "falcon"})
  void rotatedLogitsAgreeInDoublePrecision(String family) {
    ModelConfig config = TinyFamilies.families().get(family);
    InMemoryWeights weights = TinyFamilies.weights(config, 11);
    ResidualRotation rotation =
        ResidualRotation.draw(ResidualRotation.Kind.RANDOM, config.hiddenSize(), 5);
    OnlineHadamards online =
        OnlineHadamards.of(
            config,
            new RotationOptions(
                ResidualRotation.Kind.RANDOM, 5, Set.of(RotationOptions.Online.values())));
    RotationPlan plan = new RotationPlan(config, rotation, layer -> online);
    DecoderModel original = DecoderModel.open(weights);
    List<BlockHandle> handles = original.blocks();
    for (int i = 0; i < handles.size(); i++) {
      try (Block block = handles.get(i).load()) {
        plan.add(handles.get(i).kind(), i - 1, block);
      }
    }
    DecoderModel rotated = DecoderModel.open(weights);
    rotated.install(plan.rewrite(), plan.after());
    for (int layer = 0; layer < config.layers(); layer++) {
      plan.transforms(layer).forEach(rotated::installTransform);
    }
    int[][] tokens = TinyFamilies.tokens(config, 2, 9, 6);
    double[] before = logits(original, weights, null, tokens);
    double[] after = logits(rotated, weights, plan.rewrite(), tokens);
    double worst = 0;
    for (int i = 0; i < before.length; i++) {
      worst = Math.max(worst, Math.abs(before[i] - after[i]));
    }
    assertThat(worst).isLessThan(1e-9).isNotZero();
  }

  private static double[] logits(
      DecoderModel model, InMemoryWeights weights, Rewrite rewrite, int[][] tokens) {
    List<Block> blocks = new ArrayList<>();
    model.blocks().forEach(handle -> blocks.add(handle.load()));
    double[][] out = new double[1][];
    Torch.noGrad(
        () -> {
          blocks.forEach(block -> widen(block, weights, rewrite));
          Tensor x = Torch.tokens(tokens);
          for (Block block : blocks) {
            x = block.forward(x, BlockContext.PLAIN);
          }
          out[0] = Torch.toDoubles(x);
          return null;
        });
    blocks.forEach(Block::close);
    return out[0];
  }

  /** Replaces a block's parameters by fp64 ones that went through the rewrite in fp64 only. */
  private static void widen(Block block, InMemoryWeights weights, Rewrite rewrite) {
    boolean tied = weights.config().tiedHead();
    for (String name : Set.copyOf(block.parameterNames())) {
      Torch.run(
          () -> {
            String stored =
                tied && name.equals("lm_head.weight") ? "model.embed_tokens.weight" : name;
            Tensor value =
                weights.names().contains(stored)
                    ? Torch.fromPacked(weights.tensor(stored), ScalarType.Double)
                    : block.parameter(name).to(ScalarType.Double).zero_();
            block.setParameter(name, rewrite == null ? value : rewrite.apply(name, value));
          });
    }
  }
}
