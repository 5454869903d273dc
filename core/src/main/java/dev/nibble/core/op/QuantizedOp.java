package dev.nibble.core.op;

import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.core.tensor.PackedTensor;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * What runs at a linear site: {@code onlineTransforms → inputQuant → weight → bias → adapter}. The
 * runtime executes it; an exporter that cannot carry a part refuses and says which.
 *
 * @param site canonical module name, as {@code model.layers.3.mlp.down_proj}
 * @param onlineTransforms applied to the input in order
 * @param inputQuant activation quantizer
 * @param weight {@code [out, in]}
 * @param bias {@code [out]}
 * @param adapter low-rank correction {@code y += scale · B(A x)} of the un-quantized,
 *     un-transformed input
 */
public record QuantizedOp(
    String site,
    List<OnlineTransform> onlineTransforms,
    Optional<ActivationQuant> inputQuant,
    PackedTensor weight,
    Optional<DenseTensor> bias,
    Optional<LowRankAdapter> adapter) {

  /** Copies the list. */
  public QuantizedOp {
    Objects.requireNonNull(site);
    Objects.requireNonNull(weight);
    onlineTransforms = List.copyOf(onlineTransforms);
  }

  /** A plain linear: weight and optional bias. */
  public static QuantizedOp plain(String site, PackedTensor weight, Optional<DenseTensor> bias) {
    return new QuantizedOp(site, List.of(), Optional.empty(), weight, bias, Optional.empty());
  }

  /**
   * Low-rank adapter.
   *
   * @param a {@code [rank, in]}
   * @param b {@code [out, rank]}
   * @param scale factor on the product
   */
  public record LowRankAdapter(PackedTensor a, PackedTensor b, float scale) {}
}
