package dev.nibble.compress.tune;

import dev.nibble.compress.testing.TinyFamilies;
import dev.nibble.compress.transform.Equivalence;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.models.Block;
import dev.nibble.models.BlockContext;
import dev.nibble.models.DecoderModel;
import dev.nibble.models.Substitutes;
import dev.nibble.models.Torch;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Function;
import org.bytedeco.pytorch.Tensor;

/** How far folding places changes what a decoder block computes. */
final class Folding {
  private Folding() {}

  /** Relative difference of the block's outputs before and after, on random inputs. */
  static double difference(ModelConfig config, Function<Block, List<Place>> places) {
    try (Block block = DecoderModel.open(TinyFamilies.weights(config, 3)).blocks().get(1).load()) {
      SplittableRandom random = new SplittableRandom(5);
      float[] values = new float[2 * 9 * config.hiddenSize()];
      for (int i = 0; i < values.length; i++) {
        values[i] = (float) random.nextGaussian();
      }
      double[] out = new double[1];
      try (TunedBlock tuned = new TunedBlock(block, places.apply(block), Map.of(), 0)) {
        Torch.noGrad(
            () -> {
              Tensor x = Torch.fromFloats(values, 2, 9, config.hiddenSize());
              Tensor before = block.forward(x, BlockContext.PLAIN);
              Block view = block.view(new Substitutes(tuned.folded(), tuned.matrices()));
              out[0] = Equivalence.relativeDifference(before, view.forward(x, BlockContext.PLAIN));
              return null;
            });
      }
      return out[0];
    }
  }

  /** Sets everything trained of a place to random values. */
  static void scatter(Place place, SplittableRandom random) {
    for (Trainable trainable : place.trainables()) {
      float[] values = new float[Math.toIntExact(trainable.value().numel())];
      for (int i = 0; i < values.length; i++) {
        values[i] =
            trainable.name().endsWith(".scale")
                ? (float) random.nextDouble(0.3, 3)
                : (float) random.nextGaussian();
      }
      Torch.noGrad(
          () -> {
            trainable.value().copy_(Torch.fromFloats(values, Torch.shape(trainable.value())));
            return null;
          });
    }
  }
}
