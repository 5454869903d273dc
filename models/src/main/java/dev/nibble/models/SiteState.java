package dev.nibble.models;

import dev.nibble.core.op.ActivationQuant;
import dev.nibble.core.op.OnlineTransform;
import dev.nibble.core.op.SiteOps;
import dev.nibble.core.tensor.PackedTensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What the steps have decided for a site so far. The forward pass applies the transforms and the
 * input quantizer, then the block's fp32 weight, which must equal {@link #packed} once that is set,
 * then the output transforms and the bias.
 */
public final class SiteState {
  private final List<OnlineTransform> transforms = new ArrayList<>();
  private final List<OnlineTransform> outputTransforms = new ArrayList<>();
  private ActivationQuant inputQuant;
  private PackedTensor packed;

  /** Live list, in order of application. */
  public List<OnlineTransform> transforms() {
    return transforms;
  }

  /** Live list of what is applied to the weight's product, before the bias. */
  public List<OnlineTransform> outputTransforms() {
    return outputTransforms;
  }

  /** Input quantizer, if any. */
  public Optional<ActivationQuant> inputQuant() {
    return Optional.ofNullable(inputQuant);
  }

  /** Sets the input quantizer; null removes it. */
  public void inputQuant(ActivationQuant quant) {
    this.inputQuant = quant;
  }

  /** The solved weight, if any. */
  public Optional<PackedTensor> packed() {
    return Optional.ofNullable(packed);
  }

  /**
   * Sets the solved weight; the caller also sets the block's parameter to its dequantized values.
   */
  public void packed(PackedTensor tensor) {
    this.packed = tensor;
  }

  /** The stored form. */
  public SiteOps ops() {
    return new SiteOps(transforms, inputQuant(), outputTransforms);
  }

  /** Replaces all run-time parts. */
  public void ops(SiteOps ops) {
    transforms.clear();
    transforms.addAll(ops.onlineTransforms());
    inputQuant = ops.inputQuant().orElse(null);
    outputTransforms.clear();
    outputTransforms.addAll(ops.outputTransforms());
  }
}
