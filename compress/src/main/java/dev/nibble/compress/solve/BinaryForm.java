package dev.nibble.compress.solve;

import dev.nibble.compress.StoredForm;
import dev.nibble.core.spec.ScaleFormat;
import dev.nibble.core.tensor.BinaryTensor;
import dev.nibble.core.tensor.BitPacking;
import dev.nibble.core.tensor.PackedTensor;
import java.lang.foreign.MemorySegment;
import java.util.function.LongFunction;

/**
 * Stored as {@link BinaryTensor}.
 *
 * @param blockSize columns of a block
 * @param residual with second bits
 * @param centred with means
 * @param scaleFormat storage of means and magnitudes
 */
record BinaryForm(int blockSize, boolean residual, boolean centred, ScaleFormat scaleFormat)
    implements StoredForm {
  @Override
  public String text() {
    return sized(new long[] {1, blockSize}).typeName();
  }

  @Override
  public PackedTensor sized(long[] shape, LongFunction<MemorySegment> empty) {
    int columns = Math.toIntExact(shape[shape.length - 1]);
    long rows = 1;
    for (int i = 0; i < shape.length - 1; i++) {
      rows *= shape[i];
    }
    long plane = Math.multiplyExact(rows, BitPacking.paddedBytes(columns, 1));
    long count =
        rows * Math.ceilDiv(columns, blockSize) * BinaryTensor.scalarCount(residual, centred);
    return new BinaryTensor(
        shape,
        blockSize,
        centred,
        scaleFormat,
        empty.apply(plane),
        residual ? empty.apply(plane) : null,
        residual ? empty.apply(BitPacking.paddedBytes(columns, 1)) : null,
        empty.apply(count * scaleFormat.bytes()));
  }
}
