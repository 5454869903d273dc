package dev.nibble.io.packed;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.core.spec.ScaleFormat;
import dev.nibble.core.tensor.BinaryTensor;
import dev.nibble.core.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.util.Locale;

/**
 * {@link BinaryTensor}.
 *
 * <pre>
 *   { "type": "binary", "shape": [..], "block": 1.., "residual": false, "mean": true, "scale": "fp16" }
 *   NAME.signs    U8  [rows, row bytes]            row bytes = ceil(columns / 32) * 4
 *   NAME.scalars  F16|BF16|F32 [rows * blocks * n]  n = 1 or 2, when residual 4 or 7; the larger with means
 *   NAME.seconds  U8  [rows, row bytes]            only when residual
 *   NAME.salient  U8  [row bytes]                  only when residual
 * </pre>
 */
final class BinaryCodec implements TensorCodec<BinaryTensor> {
  @Override
  public String type() {
    return "binary";
  }

  @Override
  public Class<BinaryTensor> kind() {
    return BinaryTensor.class;
  }

  @Override
  public void describe(BinaryTensor t, ObjectNode descriptor) {
    descriptor
        .put("block", t.blockSize())
        .put("residual", t.seconds() != null)
        .put("mean", t.centred())
        .put("scale", t.scaleFormat().name().toLowerCase(Locale.ROOT));
  }

  @Override
  public void write(BinaryTensor t, ComponentWriter out) {
    out.bytes("signs", t.signs(), t.rows());
    out.scales("scalars", t.scaleFormat(), t.scalars());
    if (t.seconds() != null) {
      out.bytes("seconds", t.seconds(), t.rows());
      out.bytes("salient", t.salient(), 0);
    }
  }

  @Override
  public BinaryTensor read(ComponentReader in) {
    int block = in.descriptor().integer("block", 1, Integer.MAX_VALUE);
    boolean residual = in.descriptor().flag("residual");
    boolean centred = in.descriptor().flag("mean");
    ScaleFormat format = in.descriptor().constant("scale", ScaleFormat.class);
    if (format.bytes() < 2) {
      throw in.descriptor().problem("scale", "must be fp16, bf16 or fp32");
    }
    long count =
        in.rows() * Math.ceilDiv(in.columns(), block) * BinaryTensor.scalarCount(residual, centred);
    MemorySegment signs = in.codes("signs", 1);
    MemorySegment scalars = in.scales("scalars", format, count);
    MemorySegment seconds = residual ? in.codes("seconds", 1) : null;
    MemorySegment salient =
        residual ? in.component("salient", DType.U8, Math.ceilDiv(in.columns(), 32) * 4L) : null;
    return new BinaryTensor(in.shape(), block, centred, format, signs, seconds, salient, scalars);
  }
}
