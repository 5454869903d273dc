package dev.nibble.io.packed;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.core.tensor.DType;
import dev.nibble.core.tensor.PackedFormat;
import dev.nibble.core.tensor.TiledTensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * {@link TiledTensor}.
 *
 * <pre>
 *   { "type": "tiled", "shape": [rows, columns], "bits": 1..8, "group_size": 16|32|64|128,
 *     "mins": bool, "table": bool, "exponent": -126..127 }
 *   NAME.data   U8 [bytes], at a multiple of 64 bytes from the start of the file
 *   NAME.table  U8 [16], with a table only
 * </pre>
 */
final class TiledCodec implements TensorCodec<TiledTensor> {
  @Override
  public String type() {
    return "tiled";
  }

  @Override
  public Class<TiledTensor> kind() {
    return TiledTensor.class;
  }

  @Override
  public void describe(TiledTensor t, ObjectNode descriptor) {
    descriptor
        .put("bits", t.format().bits())
        .put("group_size", t.format().shared())
        .put("mins", t.format().mins())
        .put("table", t.format().table())
        .put("exponent", t.exponent());
  }

  @Override
  public void write(TiledTensor t, ComponentWriter out) {
    out.alignedBytes("data", t.data(), TiledTensor.ALIGNMENT);
    if (t.format().table()) {
      out.bytes("table", MemorySegment.ofArray(t.table()), 0);
    }
  }

  @Override
  public TiledTensor read(ComponentReader in) {
    PackedFormat format = format(in);
    int exponent = in.descriptor().integer("exponent", Float.MIN_EXPONENT, Float.MAX_EXPONENT);
    if (in.shape().length != 2 || in.columns() % format.groupColumns() != 0) {
      throw in.descriptor()
          .problem(
              "shape", "must be rows and columns, in whole groups of " + format.groupColumns());
    }
    MemorySegment data = in.component("data", DType.U8, format.byteSize(in.rows(), in.columns()));
    if (data.address() % TiledTensor.ALIGNMENT != 0) {
      throw in.problem(
          "data",
          "does not start at a multiple of "
              + TiledTensor.ALIGNMENT
              + " bytes; export the model with --format packed again");
    }
    byte[] table =
        format.table()
            ? in.component("table", DType.U8, PackedFormat.TABLE).toArray(ValueLayout.JAVA_BYTE)
            : new byte[0];
    return new TiledTensor(in.shape(), format, exponent, table, data);
  }

  private static PackedFormat format(ComponentReader in) {
    int bits = in.descriptor().integer("bits", 1, 8);
    int shared = in.descriptor().integer("group_size", 16, 128);
    boolean mins = in.descriptor().flag("mins");
    boolean table = in.descriptor().flag("table");
    if (Integer.bitCount(shared) != 1) {
      throw in.descriptor().problem("group_size", "must be 16, 32, 64 or 128");
    }
    if (table && (bits != 4 || mins)) {
      throw in.descriptor().problem("table", "goes with 4 bits and without mins only");
    }
    return new PackedFormat(bits, shared, mins, table);
  }
}
