package dev.nibble.models;

import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.op.OnlineTransform;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/** Parameters and site states of a block, and the layers that every kind of block is made of. */
abstract class LoadedBlock implements Block {
  private final String name;
  private final BlockStructure structure;
  private final Map<String, Tensor> parameters;
  private final Map<String, SiteState> states;
  private final Map<String, Tensor> inputMatrices;
  private final boolean borrowed;
  protected final ModelConfig config;

  /** Takes ownership of the parameters. */
  LoadedBlock(
      String name, ModelConfig config, BlockStructure structure, Map<String, Tensor> parameters) {
    this.name = name;
    this.config = config;
    this.structure = structure;
    this.parameters = new LinkedHashMap<>(parameters);
    this.states = new LinkedHashMap<>();
    this.inputMatrices = Map.of();
    this.borrowed = false;
    structure.sites().forEach(site -> states.put(site.name(), new SiteState()));
  }

  /** A view: the states of another block, and its parameters but for the substitutes. */
  LoadedBlock(LoadedBlock of, Substitutes substitutes) {
    this.name = of.name;
    this.config = of.config;
    this.structure = of.structure;
    this.parameters = new LinkedHashMap<>(of.parameters);
    this.parameters.putAll(substitutes.parameters());
    this.states = of.states;
    this.inputMatrices = substitutes.inputMatrices();
    this.borrowed = true;
  }

  /** Adds a place that has run-time state but no weight, as an attention core. */
  final void addState(String site) {
    states.put(site, new SiteState());
  }

  @Override
  public final String name() {
    return name;
  }

  @Override
  public final List<Site> sites() {
    return structure.sites();
  }

  @Override
  public final List<Stage> stages() {
    return structure.stages();
  }

  @Override
  public final List<Coupling> couplings() {
    return structure.couplings();
  }

  @Override
  public final Set<String> parameterNames() {
    return Collections.unmodifiableSet(parameters.keySet());
  }

  @Override
  public final Tensor parameter(String parameter) {
    Tensor found = parameters.get(parameter);
    if (found == null) {
      throw new IllegalArgumentException("block " + name + " has no parameter " + parameter);
    }
    return found;
  }

  @Override
  public final void setParameter(String parameter, Tensor value) {
    if (borrowed) {
      throw new IllegalStateException("a view of block " + name + " cannot be changed");
    }
    Tensor old = parameters.put(parameter, Torch.keep(value));
    if (old != null) {
      old.close();
    }
  }

  @Override
  public final Set<String> stateNames() {
    return Collections.unmodifiableSet(states.keySet());
  }

  @Override
  public final SiteState state(String site) {
    SiteState found = states.get(site);
    if (found == null) {
      throw new IllegalArgumentException("block " + name + " has no site " + site);
    }
    return found;
  }

  @Override
  public Tensor forwardPart(String part, Tensor input, BlockContext context) {
    throw new IllegalArgumentException("block " + name + " has no part " + part);
  }

  @Override
  public Tensor attentionReceived(Tensor input) {
    throw new IllegalArgumentException("block " + name + " has no attention");
  }

  @Override
  public final void close() {
    if (!borrowed) {
      parameters.values().forEach(Tensor::close);
    }
    parameters.clear();
  }

  /** Transforms, substitute matrix, observer, input quantizer, weight, output transforms, bias. */
  final Tensor linear(String site, Tensor input, BlockContext context) {
    return linear(site, input, context.observer());
  }

  /** As the other; the observer may be null. */
  final Tensor linear(String site, Tensor input, BlockContext.SiteObserver observer) {
    SiteState state = state(site);
    Tensor x = input;
    for (OnlineTransform transform : state.transforms()) {
      x = OnlineTransforms.apply(transform, x);
    }
    Tensor matrix = inputMatrices.get(site);
    if (matrix != null) {
      x = torch.matmul(x, matrix);
    }
    if (observer != null) {
      observer.observe(site, x);
    }
    if (state.inputQuant().isPresent()) {
      x = FakeQuant.apply(state.inputQuant().get(), x);
    }
    Tensor weight = parameter(TensorNames.weight(site));
    TensorOptional bias = optional(TensorNames.bias(site));
    if (state.outputTransforms().isEmpty()) {
      return torch.linear(x, weight, bias);
    }
    Tensor y = torch.linear(x, weight);
    for (OnlineTransform transform : state.outputTransforms()) {
      y = OnlineTransforms.apply(transform, y);
    }
    return bias.has_value() ? y.add(bias.get()) : y;
  }

  /** The activation of that kind. */
  static Tensor activate(ModelConfig.Activation kind, Tensor x) {
    return switch (kind) {
      case SILU -> torch.silu(x);
      case GELU -> torch.gelu(x, "none");
      case GELU_TANH -> torch.gelu(x, "tanh");
      case RELU -> torch.relu(x);
      case TANH -> torch.tanh(x);
    };
  }

  /** RMSNorm or LayerNorm over the last axis. */
  final Tensor norm(String module, Tensor x) {
    Tensor weight = parameter(TensorNames.weight(module));
    long[] shape = {x.size(x.dim() - 1)};
    if (config.norm() == ModelConfig.Norm.LAYER) {
      return torch.layer_norm(
          x,
          shape,
          new TensorOptional(weight),
          optional(TensorNames.bias(module)),
          config.normEps(),
          false);
    }
    return rmsNorm(x, weight);
  }

  /** {@code x / sqrt(mean(x^2) + eps) * weight} over the last axis. */
  final Tensor rmsNorm(Tensor x, Tensor weight) {
    return torch.rms_norm(
        x,
        new long[] {x.size(x.dim() - 1)},
        new TensorOptional(weight),
        new DoubleOptional(config.normEps()));
  }

  private TensorOptional optional(String parameter) {
    Tensor found = parameters.get(parameter);
    return found == null ? new TensorOptional() : new TensorOptional(found);
  }
}
