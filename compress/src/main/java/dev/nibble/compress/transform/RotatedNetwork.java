package dev.nibble.compress.transform;

import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.op.ActivationQuant;
import dev.nibble.models.Block;
import dev.nibble.models.FakeQuant;
import dev.nibble.models.ResidentModel;
import dev.nibble.models.Site;
import dev.nibble.models.Torch;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * A network whose weights are functions of rotations: {@code W U} for readers of the residual
 * stream, {@code Uᵀ W} for writers, {@code E U} for embeddings, and, with a rotation of the value
 * heads, its fold into {@code v_proj} and {@code o_proj} (SpinQuant, section 3). Weights and inputs
 * are fake-quantized with straight-through gradients.
 */
final class RotatedNetwork implements AutoCloseable {
  private final ModelConfig config;
  private final ResidentModel model;
  private final Map<String, Tensor> base = new LinkedHashMap<>();
  private final Optional<ActivationQuant> weights;

  /**
   * Takes over a model with folded norms whose stream is not turned yet.
   *
   * @param inputs quantizer of the inputs of all linears of decoder blocks
   * @param weights quantizer of the rows of these linears' weights
   */
  RotatedNetwork(ResidentModel model, ActivationQuant inputs, Optional<ActivationQuant> weights) {
    this.model = model;
    this.config = model.config();
    this.weights = weights;
    for (Block block : model.blocks()) {
      for (String name : block.parameterNames()) {
        base.put(name, Torch.owned(() -> block.parameter(name).clone()));
      }
      if (ScaleGroups.decoder(block)) {
        for (Site site : block.sites()) {
          block.state(site.name()).inputQuant(inputs);
        }
      }
    }
  }

  /** The network, at the rotations that were {@link #install}ed last. */
  ResidentModel model() {
    return model;
  }

  /**
   * The weights that depend on the rotations, differentiable by them where these require gradients.
   *
   * @param rotations of the stream, then, if any, of the value heads of each block; fp32
   */
  Map<String, Tensor> turned(List<Tensor> rotations) {
    Map<String, Tensor> out = new LinkedHashMap<>();
    Tensor u = rotations.getFirst();
    base.forEach(
        (name, value) -> {
          Tensor turned = turned(name, value, u, rotations);
          if (turned != null) {
            out.put(name, turned);
          }
        });
    return out;
  }

  /** Null for a tensor that does not depend on rotations. */
  private Tensor turned(String name, Tensor w, Tensor u, List<Tensor> rotations) {
    String module = name.substring(0, name.lastIndexOf('.'));
    boolean bias = name.endsWith(".bias");
    int layer = layer(module);
    if (layer < 0) {
      return end(module, w, u, bias);
    }
    String part = module.substring(TensorNames.layer(layer).length() + 1);
    Tensor head = rotations.size() > 1 ? rotations.get(layer + 1) : null;
    return switch (part) {
      case TensorNames.Q, TensorNames.K, TensorNames.GATE, TensorNames.UP ->
          bias ? null : quantized(w.mm(u));
      case TensorNames.V -> {
        Tensor y = bias ? w : w.mm(u);
        Tensor turned = head == null ? y : outputs(y, head);
        yield bias ? (head == null ? null : turned) : quantized(turned);
      }
      case TensorNames.O -> {
        Tensor x = head == null || bias ? w : inputs(w, head);
        yield bias ? writer(x, u) : quantized(writer(x, u));
      }
      case TensorNames.DOWN -> bias ? writer(w, u) : quantized(writer(w, u));
      default -> null;
    };
  }

  /** Embedding and head, which stay unquantized. */
  private Tensor end(String module, Tensor w, Tensor u, boolean bias) {
    boolean projected = config.embeddingSize() != config.hiddenSize();
    return switch (module) {
      case TensorNames.EMBEDDING -> projected ? null : w.mm(u);
      case TensorNames.POSITIONS -> w.mm(u);
      case TensorNames.PROJECT_IN -> writer(w, u);
      case TensorNames.PROJECT_OUT -> bias ? null : w.mm(u);
      case TensorNames.HEAD -> bias || projected ? null : w.mm(u);
      default -> null;
    };
  }

  private static int layer(String module) {
    if (!module.startsWith(ScaleGroups.DECODER)) {
      return -1;
    }
    String rest = module.substring(ScaleGroups.DECODER.length());
    return Integer.parseInt(rest.substring(0, rest.indexOf('.')));
  }

  private static Tensor writer(Tensor w, Tensor u) {
    return w.dim() == 1 ? w.unsqueeze(0).mm(u).squeeze(0) : u.t().mm(w);
  }

  /** {@code R2ᵀ W} for every head's rows, or {@code R2ᵀ b}. */
  private static Tensor outputs(Tensor w, Tensor head) {
    long d = head.size(0);
    Tensor split = w.reshape(-1, d, w.dim() == 1 ? 1 : w.size(1));
    return torch.matmul(head.t(), split).reshape(Torch.shape(w));
  }

  /** {@code W R2} for every head's columns. */
  private static Tensor inputs(Tensor w, Tensor head) {
    return w.reshape(-1, head.size(0)).mm(head).reshape(Torch.shape(w));
  }

  private Tensor quantized(Tensor w) {
    return weights.map(q -> FakeQuant.apply(q, w)).orElse(w);
  }

  /** Puts weights into the network, as constants that require gradients if asked. */
  void install(Map<String, Tensor> turned, boolean gradients) {
    Torch.run(
        () ->
            turned.forEach(
                (name, value) -> {
                  Tensor leaf = Torch.noGrad(() -> value.detach().clone());
                  model.setParameter(name, leaf.set_requires_grad(gradients));
                }));
  }

  /**
   * Gradients by the rotations from those by the weights.
   *
   * @param turned of {@link #turned}, from rotations that require gradients
   * @param gradients by each of {@code turned}
   */
  static List<Tensor> chain(
      List<Tensor> rotations, Map<String, Tensor> turned, Map<String, Tensor> gradients) {
    return Torch.withGrad(
        () -> {
          Tensor sum = Torch.fromFloats(new float[1], 1);
          for (Map.Entry<String, Tensor> entry : turned.entrySet()) {
            sum = sum.add(entry.getValue().mul(gradients.get(entry.getKey())).sum());
          }
          TensorVector found =
              torch.grad(new TensorVector(sum), new TensorVector(rotations.toArray(Tensor[]::new)));
          List<Tensor> out = new ArrayList<>();
          for (long i = 0; i < found.size(); i++) {
            out.add(found.get(i).to(ScalarType.Double));
          }
          return out;
        });
  }

  @Override
  public void close() {
    base.values().forEach(Tensor::close);
    model.close();
  }
}
