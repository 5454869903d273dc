package dev.nibble.compress.solve;

import dev.nibble.compress.StoredForm;
import dev.nibble.core.tensor.BilevelLayout;
import dev.nibble.core.tensor.BilevelTensor;
import dev.nibble.core.tensor.PackedTensor;
import java.lang.foreign.MemorySegment;
import java.util.function.IntFunction;
import java.util.function.LongFunction;

/**
 * Codes in small groups with scales of two levels, {@link BilevelTensor}.
 *
 * @param layout for a number of columns
 */
record BilevelForm(IntFunction<BilevelLayout> layout) implements StoredForm {
  @Override
  public String text() {
    return layout.apply(Integer.MAX_VALUE).text(Integer.MAX_VALUE);
  }

  @Override
  public PackedTensor sized(long[] shape, LongFunction<MemorySegment> empty) {
    int columns = Math.toIntExact(shape[shape.length - 1]);
    long rows = 1;
    for (int i = 0; i < shape.length - 1; i++) {
      rows *= shape[i];
    }
    BilevelLayout sized = layout.apply(columns);
    int stat = sized.statFormat().bytes();
    return new BilevelTensor(
        shape,
        sized,
        empty.apply(rows * sized.rowBytes(columns)),
        empty.apply(rows * sized.scaleRowBytes(columns)),
        empty.apply(stat * sized.stats(rows, columns)),
        empty.apply(rows * sized.zeroRowBytes(columns)),
        empty.apply(stat * sized.zeroStats(rows, columns)));
  }
}
