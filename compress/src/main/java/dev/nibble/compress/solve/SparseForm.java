package dev.nibble.compress.solve;

import dev.nibble.compress.StoredForm;
import dev.nibble.core.tensor.OutlierTensor;
import dev.nibble.core.tensor.PackedTensor;
import java.lang.foreign.MemorySegment;
import java.util.function.LongFunction;

/**
 * A base of some form of which a share of the values is stored apart, {@link OutlierTensor}.
 *
 * @param base form of all values
 * @param share expected fraction of values stored apart
 */
record SparseForm(StoredForm base, double share) implements StoredForm {
  @Override
  public String text() {
    return base.text() + "+sparse";
  }

  @Override
  public PackedTensor sized(long[] shape, LongFunction<MemorySegment> empty) {
    PackedTensor all = base.sized(shape, empty);
    long count = Math.round(share * all.elements());
    return new OutlierTensor(
        all,
        empty.apply(4 * (all.rows() + 1)),
        empty.apply(count * OutlierTensor.columnBytes(all.columns())),
        empty.apply(2 * count));
  }

  @Override
  public boolean exact() {
    return false;
  }
}
