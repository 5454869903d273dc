package dev.nibble.compress.solve;

import dev.nibble.compress.StoredForm;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.tensor.BandedTensor;
import dev.nibble.core.tensor.DType;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.core.tensor.PackedTensor;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.LongFunction;

/**
 * Some whole columns in half precision beside the codes of the others: a {@link BandedTensor}.
 *
 * @param spec of the other columns, per channel or tensor
 * @param fraction of the columns that are kept
 */
record KeptColumnsForm(QuantSpec spec, double fraction) implements StoredForm {
  @Override
  public String text() {
    return "columns(" + spec.text() + "+f16)";
  }

  @Override
  public PackedTensor sized(long[] shape, LongFunction<MemorySegment> empty) {
    int columns = Math.toIntExact(shape[shape.length - 1]);
    int kept = OutlierChoice.keptColumns(columns, fraction);
    long rows = 1;
    for (int i = 0; i < shape.length - 1; i++) {
      rows *= shape[i];
    }
    long[] codes = {rows, columns - kept};
    long[] halves = {rows, kept};
    DenseTensor dense = new DenseTensor(halves, DType.F16, empty.apply(2 * rows * kept));
    // an order is checked, so it needs content: kept columns come from the front
    int[] order = new int[columns];
    for (int i = 0; i < columns; i++) {
      order[i] = (i + kept) % columns;
    }
    return BandedTensor.of(
        shape,
        BandedTensor.Axis.COLUMNS,
        List.of(new OfSpec(spec, false).sized(codes, empty), dense),
        1,
        order);
  }

  @Override
  public boolean exact() {
    return false;
  }
}
