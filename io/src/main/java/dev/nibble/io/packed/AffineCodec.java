package dev.nibble.io.packed;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.core.spec.ScaleFormat;
import dev.nibble.core.tensor.AffineTensor;
import dev.nibble.core.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.util.Locale;

/**
 * {@link AffineTensor}.
 *
 * <pre>
 *   { "type": "affine", "shape": [..], "bits": 1..8, "group_size": 0.., "scale": "fp16" }
 *   NAME.codes        U8  [rows, row bytes]         row bytes = ceil(columns * bits / 32) * 4
 *   NAME.scales       F32|F16|BF16|U8|F8_E4M3 [n]   n = rows * groups, or 1 when group_size is 0
 *   NAME.zeros        U8  [ceil(n * bits / 32) * 4]  only for asymmetric tensors
 *   NAME.group_index  I32 [columns]                  only when columns are not grouped in order
 * </pre>
 */
final class AffineCodec implements TensorCodec<AffineTensor> {
  @Override
  public String type() {
    return "affine";
  }

  @Override
  public Class<AffineTensor> kind() {
    return AffineTensor.class;
  }

  @Override
  public void describe(AffineTensor t, ObjectNode descriptor) {
    descriptor
        .put("bits", t.bits())
        .put("group_size", t.groupSize())
        .put("scale", t.scaleFormat().name().toLowerCase(Locale.ROOT));
  }

  @Override
  public void write(AffineTensor t, ComponentWriter out) {
    out.bytes("codes", t.codes(), t.rows());
    out.scales("scales", t.scaleFormat(), t.scales());
    if (t.zeros() != null) {
      out.bytes("zeros", t.zeros(), 0);
    }
    if (t.groupIndex() != null) {
      out.values("group_index", DType.I32, t.groupIndex());
    }
  }

  @Override
  public AffineTensor read(ComponentReader in) {
    int bits = in.descriptor().integer("bits", 1, 8);
    int groupSize = in.descriptor().integer("group_size", 0, Integer.MAX_VALUE);
    int groups = groupSize == 0 ? 1 : Math.ceilDiv(in.columns(), groupSize);
    long scales = groupSize == 0 ? 1 : in.rows() * groups;
    ScaleFormat format = in.descriptor().constant("scale", ScaleFormat.class);
    MemorySegment codes = in.codes("codes", bits);
    MemorySegment scaleData = in.scales("scales", format, scales);
    MemorySegment zeros =
        in.has("zeros") ? in.component("zeros", DType.U8, (scales * bits + 31) / 32 * 4) : null;
    MemorySegment index =
        in.has("group_index") ? in.component("group_index", DType.I32, in.columns()) : null;
    if (index != null) {
      checkGroups(in, index, groups);
    }
    return new AffineTensor(in.shape(), bits, groupSize, format, codes, scaleData, zeros, index);
  }

  private static void checkGroups(ComponentReader in, MemorySegment index, int groups) {
    for (int c = 0; c < in.columns(); c++) {
      float group = DType.I32.get(index, c);
      if (group < 0 || group >= groups) {
        throw in.problem(
            "group_index", "column " + c + " names group " + (long) group + " of " + groups);
      }
    }
  }
}
