package dev.nibble.compress.codebook;

import dev.nibble.models.Torch;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.bytedeco.pytorch.Tensor;

/** Codes between Java arrays and int64 tensors. */
final class Indices {
  private Indices() {}

  /** Writes all values of a contiguous int64 tensor to {@code out[offset ..]}. */
  static void read(Tensor indices, int[] out, int offset) {
    MemorySegment view = Torch.view(indices);
    int n = Math.toIntExact(indices.numel());
    for (int i = 0; i < n; i++) {
      out[offset + i] = (int) view.getAtIndex(ValueLayout.JAVA_LONG, i);
    }
  }
}
