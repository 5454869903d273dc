package dev.nibble.compress.transform;

import dev.nibble.compress.BlockTask;
import dev.nibble.compress.Step;
import dev.nibble.compress.block.Seeds;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.op.OnlineTransform;
import dev.nibble.core.transform.Hadamard;
import dev.nibble.models.Block;
import dev.nibble.models.OnlineTransforms;
import dev.nibble.models.Site;
import dev.nibble.models.Stage;
import dev.nibble.models.Torch;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Dual transformation (DuQuant, Lin et al. 2024; sheet 21a): the input of each group of linears is
 * turned block by block, its channels are dealt anew to the blocks, and it is turned again, so that
 * outliers of channels and of single tokens are spread. Run time does it to the input, the weights
 * take the inverse.
 *
 * <p>Deviations: the greedy search looks at the tokens with the largest values instead of all;
 * matrices are rounded to half precision first and the weights take the exact inverse transpose of
 * that, so that the function stays and a matrix costs two bytes a value; queries and keys are not
 * turned. Time: {@code steps · tokens · width · block} multiply-adds for a rotation.
 */
final class DuQuant implements Step {
  private static final String NAME = "duquant";

  private final DuQuantOptions options;

  DuQuant(DuQuantOptions options) {
    this.options = options;
  }

  @Override
  public Needs needs() {
    return Needs.ORIGINAL_INPUTS;
  }

  /** Copies of the block for the check, and each thread's tokens, twice. */
  @Override
  public long workingBytes(BlockShape shape) {
    long parameters = 0;
    long inputs = 0;
    for (Stage stage : shape.stages()) {
      long width = stage.sites().getFirst().inputs();
      inputs += width;
      for (Site site : stage.sites()) {
        parameters += (long) site.outputs() * site.inputs();
      }
    }
    return Float.BYTES * (parameters + 3 * inputs * options.searchTokens());
  }

  @Override
  public void apply(BlockTask task) {
    Block block = task.block();
    if (!ScaleGroups.decoder(block)) {
      return;
    }
    try (BlockGuard guard = new BlockGuard(task, NAME)) {
      Map<String, Tensor> inputs = PeakTokens.gather(task, options.searchTokens());
      Map<String, Plan> plans = new LinkedHashMap<>();
      try {
        List<String> leads = List.copyOf(inputs.keySet());
        Plan[] found = new Plan[leads.size()];
        task.workers()
            .forEach(
                found.length, i -> found[i] = plan(task, leads.get(i), inputs.get(leads.get(i))));
        for (int i = 0; i < found.length; i++) {
          plans.put(leads.get(i), found[i]);
        }
      } finally {
        inputs.values().forEach(Tensor::close);
      }
      for (Stage stage : block.stages()) {
        Plan plan = plans.get(stage.sites().getFirst().name());
        if (plan != null) {
          stage.sites().forEach(site -> install(block, site, plan.transforms()));
        }
      }
      if (guard.accept(NAME)) {
        plans.forEach((site, plan) -> task.events().record(NAME, site, plan.summary()));
      }
    }
  }

  /**
   * What is done to an input.
   *
   * @param before largest value of the tokens looked at
   * @param after the same once transformed
   */
  private record Plan(List<OnlineTransform> transforms, double before, double after) {
    String summary() {
      return String.format(
          Locale.ROOT,
          "largest input %.3g, before %.3g, by %d maps",
          after,
          before,
          transforms.size());
    }
  }

  private Plan plan(BlockTask task, String site, Tensor tokens) {
    long seed = options.seed() >= 0 ? Seeds.derive(options.seed(), site) : task.seed(site);
    return Torch.noGrad(
        () -> {
          List<OnlineTransform> maps = maps(tokens, seed);
          Tensor x = tokens;
          for (OnlineTransform map : maps) {
            x = OnlineTransforms.apply(map, x);
          }
          return new Plan(maps, top(tokens), top(x));
        });
  }

  private static double top(Tensor x) {
    return x.abs().max().item_double();
  }

  /** Rotation, permutation, rotation …, each chosen for what those before it leave. */
  List<OnlineTransform> maps(Tensor tokens, long seed) {
    int width = Math.toIntExact(tokens.size(1));
    int block = options.block(width);
    List<OnlineTransform> out = new ArrayList<>();
    Tensor x = tokens;
    for (int round = 0; round <= options.permutations(); round++) {
      long roundSeed = Seeds.derive(seed, Integer.toString(round));
      if (round > 0 && block < width && options.permutation() != DuQuantOptions.Permutation.NONE) {
        x = add(out, permutation(x, block, roundSeed), x);
      }
      OnlineTransform rotation = rotation(x, block, roundSeed);
      if (rotation != null) {
        x = add(out, rotation, x);
      }
    }
    return List.copyOf(out);
  }

  private static Tensor add(List<OnlineTransform> maps, OnlineTransform map, Tensor x) {
    maps.add(map);
    return OnlineTransforms.apply(map, x);
  }

  private OnlineTransform permutation(Tensor x, int block, long seed) {
    double[] maxima = Torch.toDoubles(x.abs().amax(new long[] {0}, false));
    return new OnlineTransform.Permutation(
        options.permutation() == DuQuantOptions.Permutation.ZIGZAG
            ? ChannelDeal.zigzag(maxima, block)
            : ChannelDeal.random(maxima.length, seed));
  }

  /** Null for the identity. */
  private OnlineTransform rotation(Tensor x, int block, long seed) {
    return switch (options.rotation()) {
      case NONE -> null;
      case HADAMARD ->
          new OnlineTransform.BlockHadamard(
              Hadamard.supported(block) ? block : Hadamard.powerOfTwoBlock(block));
      case GREEDY -> {
        GreedyRotation.Choice choice = new GreedyRotation(block, seed).choose(x, options.steps());
        yield choice.matrix() == null ? null : half(block, choice.matrix());
      }
    };
  }

  private static OnlineTransform half(int block, double[] matrix) {
    float[] out = new float[matrix.length];
    for (int i = 0; i < out.length; i++) {
      out[i] = Float.float16ToFloat(Float.floatToFloat16((float) matrix[i]));
    }
    return new OnlineTransform.BlockMatrix(block, out);
  }

  private static void install(Block block, Site site, List<OnlineTransform> maps) {
    String name = TensorNames.weight(site.name());
    Torch.noGrad(
        () -> {
          Tensor w = block.parameter(name).to(ScalarType.Double);
          for (OnlineTransform map : maps) {
            w = inverseTransposed(map, w);
          }
          block.setParameter(name, w.to(ScalarType.Float));
          return null;
        });
    block.state(site.name()).transforms().addAll(maps);
  }

  /** {@code W M⁻ᵀ} for {@code x' = x M}, so that {@code x' W'ᵀ = x Wᵀ}. */
  private static Tensor inverseTransposed(OnlineTransform map, Tensor w) {
    if (!(map instanceof OnlineTransform.BlockMatrix b)) {
      return OnlineTransforms.apply(map, w);
    }
    Tensor m = Torch.fromFloats(b.matrix(), b.block(), b.block()).to(ScalarType.Double);
    return w.reshape(-1, b.block()).mm(torch.linalg_inv(m).t()).reshape(Torch.shape(w));
  }
}
