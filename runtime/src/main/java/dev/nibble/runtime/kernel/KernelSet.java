package dev.nibble.runtime.kernel;

import dev.nibble.core.tensor.DType;
import dev.nibble.core.tensor.PackedTensor;
import java.util.ArrayList;
import java.util.List;

/** The kernels of this process in order of preference; the last one takes everything. */
public final class KernelSet {
  private final List<MatmulKernel> kernels;

  private KernelSet(List<MatmulKernel> kernels) {
    this.kernels = List.copyOf(kernels);
  }

  /** The Vector API kernels. */
  public static KernelSet standard() {
    List<MatmulKernel> plain =
        List.of(
            new DenseKernel(DType.F32),
            new DenseKernel(DType.F16),
            new DenseKernel(DType.BF16),
            new AffineKernel(2),
            new AffineKernel(4),
            new AffineKernel(8),
            new BlockKernel(),
            new StreamKernel(),
            new TableKernel(),
            new CodebookKernel(),
            new BinaryKernel(),
            new BilevelKernel(),
            new DecodingKernel());
    List<MatmulKernel> banded = new ArrayList<>();
    banded.add(new BandedKernel(new KernelSet(plain)));
    banded.addAll(plain);
    List<MatmulKernel> all = new ArrayList<>();
    all.add(new OutlierKernel(new KernelSet(banded)));
    all.addAll(banded);
    return new KernelSet(all);
  }

  /**
   * The standard kernels behind others that are tried first.
   *
   * @param first in order of preference
   */
  public static KernelSet standardAfter(List<MatmulKernel> first) {
    List<MatmulKernel> all = new ArrayList<>(first);
    all.addAll(standard().kernels);
    return new KernelSet(all);
  }

  /** Only the decoder of the scalar reference: slow, for comparison. */
  public static KernelSet decoding() {
    return new KernelSet(List.of(new DecodingKernel()));
  }

  /** The kernel for a tensor. */
  public MatmulKernel choose(PackedTensor weight) {
    for (MatmulKernel k : kernels) {
      if (k.accepts(weight)) {
        return k;
      }
    }
    throw new IllegalArgumentException("no kernel for " + weight.typeName());
  }

  /** The tensor bound to its kernel. */
  public Matrix bind(PackedTensor weight) {
    return choose(weight).bind(weight);
  }
}
