package dev.nibble.compress.codebook;

import dev.nibble.compress.StoredForm;
import dev.nibble.core.tensor.CodebookLayout;
import dev.nibble.core.tensor.CodebookTensor;
import dev.nibble.core.tensor.PackedTensor;
import java.lang.foreign.MemorySegment;
import java.util.function.LongFunction;

/** Stored as sums of codewords; the size follows from the layout alone. */
public record CodebookForm(CodebookLayout layout) implements StoredForm {
  @Override
  public String text() {
    return layout.text();
  }

  @Override
  public PackedTensor sized(long[] shape, LongFunction<MemorySegment> empty) {
    int columns = Math.toIntExact(shape[shape.length - 1]);
    long rows = 1;
    for (int i = 0; i < shape.length - 1; i++) {
      rows *= shape[i];
    }
    return new CodebookTensor(
        shape,
        layout,
        empty.apply(Math.multiplyExact(rows, layout.rowBytes(columns))),
        empty.apply(2 * layout.elements()),
        empty.apply(2 * layout.scaleCount(rows)),
        empty.apply(layout.classBytes(rows)));
  }
}
