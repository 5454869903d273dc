package dev.nibble.runtime.emit;

import dev.nibble.core.tensor.PackedFormat;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.runtime.kernel.MatmulKernel;
import dev.nibble.runtime.kernel.Matrix;
import dev.nibble.runtime.packed.InputTile;
import dev.nibble.runtime.packed.PackedWeights;
import dev.nibble.runtime.packed.Repacker;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;

/**
 * Machine code for every weight that {@link PackedFormat} holds, with inputs rounded to 8 bits.
 * Weights are brought into that layout when they are bound, which takes their size in memory once
 * more, unless they are stored in it.
 */
public final class EmittedKernel implements MatmulKernel {
  private static final System.Logger LOG = System.getLogger(EmittedKernel.class.getName());

  /** Layouts whose kernels work here, by trial. */
  private static final Map<PackedFormat, Boolean> WORKING = new ConcurrentHashMap<>();

  private final Function<PackedTensor, Matrix> exact;

  /**
   * The kernel.
   *
   * @param exact binds a weight to a kernel that does not round inputs
   */
  public EmittedKernel(Function<PackedTensor, Matrix> exact) {
    this.exact = exact;
  }

  @Override
  public String name() {
    return "emitted";
  }

  @Override
  public boolean accepts(PackedTensor weight) {
    if (!Processor.current().avx512Vnni()) {
      return false;
    }
    Optional<PackedFormat> format = Repacker.formatOf(weight);
    return format.isPresent() && WORKING.computeIfAbsent(format.get(), EmittedKernel::works);
  }

  private static boolean works(PackedFormat format) {
    try {
      EmittedKernels.product(format, new InputTile(1, format.parts()));
      EmittedKernels.product(format, new InputTile(InputTile.MOST, format.parts()));
      return true;
    } catch (IllegalStateException e) {
      LOG.log(System.Logger.Level.WARNING, "no machine code for {0}: {1}", format, e.getMessage());
      return false;
    }
  }

  @Override
  public Matrix bind(PackedTensor weight) {
    PackedWeights packed =
        Repacker.pack(weight, (bytes, alignment) -> Pages.mapUntilUnreachable(bytes)).orElseThrow();
    return new EmittedMatrix(exact.apply(weight), packed);
  }
}
