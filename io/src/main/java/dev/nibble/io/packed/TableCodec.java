package dev.nibble.io.packed;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.core.spec.ScaleFormat;
import dev.nibble.core.tensor.DType;
import dev.nibble.core.tensor.TableTensor;
import java.lang.foreign.MemorySegment;
import java.util.Locale;

/**
 * {@link TableTensor}.
 *
 * <pre>
 *   { "type": "table", "shape": [..], "name": "nf4", "bits": 1..8, "group_size": 0.., "scale": "fp16" }
 *   NAME.codes   U8  [rows, row bytes]             row bytes = ceil(columns * bits / 32) * 4
 *   NAME.scales  F32|F16|BF16|U8|F8_E4M3 [rows * groups], or one when group_size is 0
 *   NAME.levels  F32 [2^bits]
 * </pre>
 */
final class TableCodec implements TensorCodec<TableTensor> {
  @Override
  public String type() {
    return "table";
  }

  @Override
  public Class<TableTensor> kind() {
    return TableTensor.class;
  }

  @Override
  public void describe(TableTensor t, ObjectNode descriptor) {
    descriptor
        .put("name", t.name())
        .put("bits", t.bits())
        .put("group_size", t.groupSize())
        .put("scale", t.scaleFormat().name().toLowerCase(Locale.ROOT));
  }

  @Override
  public void write(TableTensor t, ComponentWriter out) {
    out.bytes("codes", t.codes(), t.rows());
    out.scales("scales", t.scaleFormat(), t.scales());
    out.floats("levels", t.levels());
  }

  @Override
  public TableTensor read(ComponentReader in) {
    int bits = in.descriptor().integer("bits", 1, 8);
    int groupSize = in.descriptor().integer("group_size", 0, Integer.MAX_VALUE);
    ScaleFormat format = in.descriptor().constant("scale", ScaleFormat.class);
    MemorySegment codes = in.codes("codes", bits);
    long scales = groupSize == 0 ? 1 : in.rows() * Math.ceilDiv(in.columns(), groupSize);
    MemorySegment scaleData = in.scales("scales", format, scales);
    float[] levels = in.floats("levels", DType.F32, 1L << bits);
    String table = in.descriptor().string("name");
    return new TableTensor(in.shape(), table, levels, bits, groupSize, format, codes, scaleData);
  }
}
