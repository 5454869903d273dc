package dev.nibble.runtime.kernel;

import dev.nibble.core.tensor.AffineTensor;
import dev.nibble.core.tensor.BitPacking;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * The zero-points of an affine tensor, a byte each: a row's run of the packed stream begins inside
 * a byte, and reading that code by code took longer than the product.
 */
final class ZeroRows {
  private final int groups;

  /** {@code [rows, groups]}; empty when one value serves the tensor. */
  private final byte[] zeros;

  private final float single;

  ZeroRows(AffineTensor weight) {
    groups = weight.groupsPerRow();
    if (weight.symmetric() || weight.groupSize() == 0) {
      zeros = new byte[0];
      single = weight.zero(0, 0);
    } else {
      zeros = new byte[Math.toIntExact(weight.rows() * groups)];
      byte[] packed = weight.zeros().toArray(ValueLayout.JAVA_BYTE);
      BitPacking.unpack(packed, 0, zeros.length, weight.bits(), zeros);
      single = 0;
    }
  }

  /** Zero-points of a row's groups into {@link Scratch#groupZeros}. */
  void read(int row, Scratch s) {
    if (zeros.length == 0) {
      Arrays.fill(s.groupZeros, 0, groups, single);
      return;
    }
    for (int g = 0; g < groups; g++) {
      s.groupZeros[g] = zeros[row * groups + g] & 0xff;
    }
  }
}
