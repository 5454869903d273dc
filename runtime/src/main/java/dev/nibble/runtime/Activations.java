package dev.nibble.runtime;

import dev.nibble.runtime.emit.EmittedKernel;
import dev.nibble.runtime.kernel.KernelSet;
import java.util.List;

/** What linear layers make of their inputs. */
public enum Activations {
  /** Single precision: the arithmetic of every evaluation. */
  FP32,

  /**
   * Rounded to 8 bits in blocks of 32 where emitted code runs the weight, which is several times as
   * fast; single precision elsewhere.
   */
  INT8;

  /** The kernels for it on this machine. */
  public KernelSet kernels() {
    KernelSet exact = KernelSet.standard();
    return this == FP32 ? exact : KernelSet.standardAfter(List.of(new EmittedKernel(exact::bind)));
  }
}
