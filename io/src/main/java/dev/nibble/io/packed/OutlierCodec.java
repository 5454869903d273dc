package dev.nibble.io.packed;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.core.tensor.DType;
import dev.nibble.core.tensor.OutlierTensor;
import dev.nibble.core.tensor.PackedTensor;
import java.util.Arrays;

/**
 * {@link OutlierTensor}.
 *
 * <pre>
 *   { "type": "outliers", "shape": [..], "count": 0.., "base": descriptor }
 *   NAME.base ..      the base, as its descriptor says
 *   NAME.row_offsets  I32 [rows + 1]
 *   NAME.columns      U16|I32 [count]   U16 up to 65,536 columns
 *   NAME.values       F16 [count]
 * </pre>
 */
final class OutlierCodec implements TensorCodec<OutlierTensor> {
  @Override
  public String type() {
    return "outliers";
  }

  @Override
  public Class<OutlierTensor> kind() {
    return OutlierTensor.class;
  }

  @Override
  public void describe(OutlierTensor t, ObjectNode descriptor) {
    descriptor.put("count", t.count());
    descriptor.set("base", TensorCodecs.descriptor(t.base()));
  }

  @Override
  public void write(OutlierTensor t, ComponentWriter out) {
    out.nested("base", t.base());
    out.values("row_offsets", DType.I32, t.rowOffsets());
    out.values("columns", indexType(t.columns()), t.columnIndex());
    out.values("values", DType.F16, t.values());
  }

  private static DType indexType(int columns) {
    return OutlierTensor.columnBytes(columns) == 2 ? DType.U16 : DType.I32;
  }

  @Override
  public OutlierTensor read(ComponentReader in) {
    int count = in.descriptor().integer("count", 0, Integer.MAX_VALUE);
    PackedTensor base = in.nested("base", in.descriptor().object("base"));
    if (!Arrays.equals(base.shape(), in.shape())) {
      throw in.descriptor().problem("base", "has another shape than the whole");
    }
    try {
      return new OutlierTensor(
          base,
          in.component("row_offsets", DType.I32, in.rows() + 1),
          in.component("columns", indexType(in.columns()), count),
          in.component("values", DType.F16, count));
    } catch (IllegalArgumentException e) {
      throw in.problem("values", e.getMessage());
    }
  }
}
