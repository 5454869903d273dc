package dev.nibble.io.packed;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.core.spec.ScaleFormat;
import dev.nibble.core.tensor.BilevelLayout;
import dev.nibble.core.tensor.BilevelTensor;
import dev.nibble.core.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.util.Locale;

/**
 * {@link BilevelTensor}.
 *
 * <pre>
 *   { "type": "bilevel", "shape": [..], "bits": 1..8, "group_size": 1.., "block_rows": 1..,
 *     "scale_bits": 1..7, "zeros": "none" | "integer" | "bilevel", "zero_bits": 0..7, "stats": "fp16" }
 *   NAME.codes        U8  [rows, row bytes]   row bytes = ceil(columns * bits / 32) * 4
 *   NAME.scale_codes  U8  [rows, ceil(groups * scale_bits / 8)]
 *   NAME.scale_stats  F16|BF16|F32 [2 * blocks * groups]
 *   NAME.zero_codes   U8  [rows, ceil(groups * zero bits / 8)]  absent for "none"
 *   NAME.zero_stats   as scale_stats                            only for "bilevel"
 * </pre>
 */
final class BilevelCodec implements TensorCodec<BilevelTensor> {
  private static final MemorySegment NOTHING = MemorySegment.ofArray(new byte[0]);

  @Override
  public String type() {
    return "bilevel";
  }

  @Override
  public Class<BilevelTensor> kind() {
    return BilevelTensor.class;
  }

  @Override
  public void describe(BilevelTensor t, ObjectNode descriptor) {
    BilevelLayout layout = t.layout();
    descriptor
        .put("bits", layout.bits())
        .put("group_size", layout.groupSize())
        .put("block_rows", layout.blockRows())
        .put("scale_bits", layout.scaleBits())
        .put("zeros", layout.zeros().name().toLowerCase(Locale.ROOT))
        .put("zero_bits", layout.zeroBits())
        .put("stats", layout.statFormat().name().toLowerCase(Locale.ROOT));
  }

  @Override
  public void write(BilevelTensor t, ComponentWriter out) {
    out.bytes("codes", t.codes(), t.rows());
    out.bytes("scale_codes", t.scaleCodes(), t.rows());
    out.scales("scale_stats", t.layout().statFormat(), t.scaleStats());
    if (t.layout().zeros() != BilevelLayout.Zeros.NONE) {
      out.bytes("zero_codes", t.zeroCodes(), t.rows());
    }
    if (t.layout().zeros() == BilevelLayout.Zeros.BILEVEL) {
      out.scales("zero_stats", t.layout().statFormat(), t.zeroStats());
    }
  }

  @Override
  public BilevelTensor read(ComponentReader in) {
    BilevelLayout layout = layout(in);
    long rows = in.rows();
    int columns = in.columns();
    return new BilevelTensor(
        in.shape(),
        layout,
        in.codes("codes", layout.bits()),
        in.component("scale_codes", DType.U8, rows * layout.scaleRowBytes(columns)),
        in.scales("scale_stats", layout.statFormat(), layout.stats(rows, columns)),
        layout.zeros() == BilevelLayout.Zeros.NONE
            ? NOTHING
            : in.component("zero_codes", DType.U8, rows * layout.zeroRowBytes(columns)),
        layout.zeros() == BilevelLayout.Zeros.BILEVEL
            ? in.scales("zero_stats", layout.statFormat(), layout.zeroStats(rows, columns))
            : NOTHING);
  }

  private static BilevelLayout layout(ComponentReader in) {
    try {
      return new BilevelLayout(
          in.descriptor().integer("bits", 1, 8),
          in.descriptor().integer("group_size", 1, Integer.MAX_VALUE),
          in.descriptor().integer("block_rows", 1, Integer.MAX_VALUE),
          in.descriptor().integer("scale_bits", 1, 7),
          in.descriptor().constant("zeros", BilevelLayout.Zeros.class),
          in.descriptor().integer("zero_bits", 0, 7),
          in.descriptor().constant("stats", ScaleFormat.class));
    } catch (IllegalArgumentException e) {
      throw in.descriptor().problem("zeros", e.getMessage());
    }
  }
}
