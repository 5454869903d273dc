package dev.nibble.io.packed;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.core.ggml.GgmlType;
import dev.nibble.core.tensor.DType;
import dev.nibble.core.tensor.GgmlTensor;
import java.util.Locale;

/**
 * {@link GgmlTensor}.
 *
 * <pre>
 *   { "type": "ggml", "shape": [..], "block": "q4_k" }
 *   NAME.data  U8  [rows, row bytes]
 * </pre>
 */
final class GgmlCodec implements TensorCodec<GgmlTensor> {
  @Override
  public String type() {
    return "ggml";
  }

  @Override
  public Class<GgmlTensor> kind() {
    return GgmlTensor.class;
  }

  @Override
  public void describe(GgmlTensor t, ObjectNode descriptor) {
    descriptor.put("block", t.type().name().toLowerCase(Locale.ROOT));
  }

  @Override
  public void write(GgmlTensor t, ComponentWriter out) {
    out.bytes("data", t.data(), t.rows());
  }

  @Override
  public GgmlTensor read(ComponentReader in) {
    GgmlType type = in.descriptor().constant("block", GgmlType.class);
    if (in.columns() % type.blockElements() != 0) {
      throw in.descriptor()
          .problem(
              "block", "rows of " + in.columns() + " elements are not whole blocks of " + type);
    }
    return new GgmlTensor(
        in.shape(), type, in.component("data", DType.U8, in.rows() * type.rowBytes(in.columns())));
  }
}
