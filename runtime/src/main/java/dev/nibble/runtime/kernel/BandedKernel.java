package dev.nibble.runtime.kernel;

import dev.nibble.core.tensor.BandedTensor;
import dev.nibble.core.tensor.PackedTensor;
import java.util.stream.Collectors;

/** Bands of rows or columns, each run by the kernel of its own type. */
final class BandedKernel implements MatmulKernel {
  private final KernelSet kernels;

  /**
   * @param kernels for the bands; takes every type but this one
   */
  BandedKernel(KernelSet kernels) {
    this.kernels = kernels;
  }

  @Override
  public String name() {
    return "bands";
  }

  @Override
  public boolean accepts(PackedTensor weight) {
    return weight instanceof BandedTensor;
  }

  @Override
  public Matrix bind(PackedTensor weight) {
    BandedTensor banded = (BandedTensor) weight;
    Matrix[] bands = banded.bands().stream().map(kernels::bind).toArray(Matrix[]::new);
    String kernel =
        banded.bands().stream()
            .map(band -> kernels.choose(band).name())
            .distinct()
            .collect(Collectors.joining("+"));
    return switch (banded.axis()) {
      case ROWS -> new RowBands(banded, bands, kernel);
      case COLUMNS -> new ColumnBands(banded, bands, kernel);
    };
  }
}
