package dev.nibble.compress.solve;

import dev.nibble.compress.StoredForm;
import dev.nibble.core.tensor.BandedTensor;
import dev.nibble.core.tensor.PackedTensor;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.LongFunction;

/**
 * A form whose columns lie in an order of their own: a {@link BandedTensor} of one band.
 *
 * @param base form of the band
 */
record ReorderedForm(StoredForm base) implements StoredForm {
  @Override
  public String text() {
    return "columns(" + base.text() + ")";
  }

  @Override
  public PackedTensor sized(long[] shape, LongFunction<MemorySegment> empty) {
    int columns = Math.toIntExact(shape[shape.length - 1]);
    // an order is checked, so it needs content; this one is never natural, and as large as any
    int[] order = new int[columns];
    for (int i = 0; i < columns; i++) {
      order[i] = columns - 1 - i;
    }
    return BandedTensor.of(
        shape, BandedTensor.Axis.COLUMNS, List.of(base.sized(shape, empty)), 1, order);
  }

  @Override
  public boolean exact() {
    return false;
  }
}
