package dev.nibble.compress.transform;

import dev.nibble.core.model.Mlp;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.op.OnlineTransform;
import dev.nibble.models.Block;
import dev.nibble.models.BlockHandle;
import dev.nibble.models.Coupling;
import dev.nibble.models.OnlineTransforms;
import dev.nibble.models.Rewrite;
import dev.nibble.models.Torch;
import java.util.Map;
import java.util.function.IntFunction;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * The rewrites that fold norms into their readers and rotate everything around the residual stream,
 * block by block (sheet 32a, parts B and C). Norm gains and biases are copied from the blocks; the
 * rewrites themselves run in fp64 while a block is loaded.
 *
 * <p>LayerNorm becomes RMSNorm: {@code LN(x) = RMS(x - mean(x))}, and when every writer of the
 * stream has zero mean over its outputs so has the stream. The norm's bias goes into its readers'
 * biases.
 */
final class RotationPlan {
  private final ModelConfig before;
  private final ModelConfig after;
  private final ResidualRotation rotation;
  private final IntFunction<OnlineHadamards> inside;
  private final boolean centred;
  private final TensorRewrites rewrites = new TensorRewrites();

  /**
   * @param inside transforms inside attention and MLP, by layer
   */
  RotationPlan(ModelConfig before, ResidualRotation rotation, IntFunction<OnlineHadamards> inside) {
    this.before = before;
    this.after = configAfter(before);
    this.rotation = rotation;
    this.inside = inside;
    this.centred = before.norm() == ModelConfig.Norm.LAYER;
  }

  /** The architecture once norms are folded and the stream is rotated. */
  static ModelConfig configAfter(ModelConfig config) {
    ModelConfig out = config.withoutEmbeddingNorm().withNorm(ModelConfig.Norm.RMS);
    if (config.norm() == ModelConfig.Norm.LAYER) {
      out = out.withBiases(true, true, config.headBias() || config.finalNorm());
    }
    // with a projection in between, the head does not read the residual stream
    return config.embeddingSize() == config.hiddenSize() ? out.withUntiedHead() : out;
  }

  ModelConfig after() {
    return after;
  }

  Rewrite rewrite() {
    return rewrites;
  }

  /** Online transforms by site of a decoder block. */
  Map<String, OnlineTransform> transforms(int layer) {
    return inside.apply(layer).sites(before, layer);
  }

  /** What the residual stream {@code x} of the original model is in the rotated one. */
  Tensor stream(Tensor x) {
    return Torch.scope(() -> rotation.rows(centred ? centre(x, -1) : x));
  }

  /** Adds the rewrites of a block of the original model. */
  void add(BlockHandle.Kind kind, int layer, Block block) {
    switch (kind) {
      case EMBEDDING -> embedding(block);
      case DECODER -> {
        block.couplings().forEach(coupling -> fold(block, coupling));
        write(TensorNames.layer(layer, TensorNames.O));
        Mlp.of(before, layer).forEach(mlp -> write(mlp.down()));
        turnInside(layer);
      }
      case HEAD -> {
        block.couplings().forEach(coupling -> fold(block, coupling));
        if (!before.finalNorm()) {
          read(block.sites().getFirst().name());
        }
      }
    }
  }

  private void embedding(Block block) {
    String table = TensorNames.weight(TensorNames.EMBEDDING);
    if (before.embeddingSize() != before.hiddenSize()) {
      write(TensorNames.PROJECT_IN);
    } else {
      if (before.embeddingNorm()) {
        double[] gain = values(block, TensorNames.weight(TensorNames.EMBEDDING_NORM));
        double[] shift = shift(block, TensorNames.EMBEDDING_NORM);
        rewrites.add(table, e -> normed(e, gain, shift));
      }
      rewrites.add(table, this::stream);
    }
    if (before.positions() == ModelConfig.Positions.LEARNED) {
      rewrites.add(TensorNames.weight(TensorNames.POSITIONS), this::stream);
    }
  }

  /** Moves a norm's gain and bias into its readers and turns these. */
  private void fold(Block block, Coupling coupling) {
    if (coupling.kind() != Coupling.Kind.NORM_TO_LINEARS) {
      return;
    }
    double[] gain = values(block, TensorNames.weight(coupling.producer()));
    double[] shift = shift(block, coupling.producer());
    rewrites.add(TensorNames.weight(coupling.producer()), torch::ones_like);
    for (String reader : coupling.consumers()) {
      if (shift != null) {
        double[] added = through(block, reader, shift);
        // project_out has no bias of its own: its shift goes on through the head
        boolean projected = reader.equals(TensorNames.PROJECT_OUT);
        String biased = projected ? TensorNames.HEAD : reader;
        double[] bias = projected ? through(block, TensorNames.HEAD, added) : added;
        rewrites.add(TensorNames.bias(biased), b -> b.add(vector(bias)));
      }
      rewrites.add(TensorNames.weight(reader), w -> w.mul(vector(gain)));
      read(reader);
    }
  }

  private void read(String linear) {
    rewrites.add(TensorNames.weight(linear), rotation::rows);
  }

  /** A linear that writes to the residual stream. */
  private void write(String linear) {
    for (String name : new String[] {TensorNames.weight(linear), TensorNames.bias(linear)}) {
      if (centred) {
        rewrites.add(name, w -> centre(w, 0));
      }
      rewrites.add(name, rotation::outputs);
    }
  }

  /** Inner axes: value heads with the output projection, and the MLP's inner vector. */
  private void turnInside(int layer) {
    OnlineHadamards online = inside.apply(layer);
    String value = TensorNames.layer(layer, TensorNames.V);
    online
        .perHead()
        .ifPresent(
            head -> {
              rewrites.add(TensorNames.weight(value), w -> outputs(head, w));
              rewrites.add(TensorNames.bias(value), b -> OnlineTransforms.apply(head, b));
            });
    rows(TensorNames.layer(layer, TensorNames.O), online.output());
    Mlp.of(before, layer).forEach(mlp -> rows(mlp.down(), online.down(mlp)));
  }

  private void rows(String linear, Iterable<OnlineTransform> maps) {
    for (OnlineTransform map : maps) {
      rewrites.add(TensorNames.weight(linear), w -> OnlineTransforms.apply(map, w));
    }
  }

  /** The map along the output axis of a weight. */
  private static Tensor outputs(OnlineTransform map, Tensor weight) {
    Tensor turned = OnlineTransforms.apply(map, weight.transpose(0, 1).contiguous());
    return turned.transpose(0, 1).contiguous();
  }

  /** The embedding's norm of every row of the table, in the table's precision. */
  private Tensor normed(Tensor table, double[] gain, double[] shift) {
    Tensor x = centred ? centre(table, -1) : table;
    Tensor mean = x.square().mean(new long[] {-1}, true, new ScalarTypeOptional());
    Tensor unit = x.mul(mean.add(new Scalar(before.normEps())).rsqrt());
    Tensor scaled = unit.mul(vector(gain));
    return shift == null ? scaled : scaled.add(vector(shift));
  }

  /** {@code W shift} of a linear, in fp64. */
  private static double[] through(Block block, String linear, double[] shift) {
    Tensor product =
        Torch.noGrad(
            () -> {
              Tensor weight = block.parameter(TensorNames.weight(linear)).to(ScalarType.Double);
              return torch.matmul(weight, vector(shift));
            });
    double[] out = Torch.toDoubles(product);
    product.close();
    return out;
  }

  private static double[] shift(Block block, String norm) {
    String name = TensorNames.bias(norm);
    return block.parameterNames().contains(name) ? values(block, name) : null;
  }

  private static double[] values(Block block, String name) {
    return Torch.toDoubles(block.parameter(name));
  }

  private static Tensor vector(double[] values) {
    return Torch.fromDoubles(values, values.length);
  }

  private static Tensor centre(Tensor x, long axis) {
    return x.sub(x.mean(new long[] {axis}, true, new ScalarTypeOptional()));
  }
}
