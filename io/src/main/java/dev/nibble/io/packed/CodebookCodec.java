package dev.nibble.io.packed;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.core.tensor.CodebookLayout;
import dev.nibble.core.tensor.CodebookTensor;
import dev.nibble.core.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.util.Locale;

/**
 * {@link CodebookTensor}.
 *
 * <pre>
 *   { "type": "codebook", "shape": [..], "codebooks": 1..16, "bits": 1..16, "group_size": 1..256,
 *     "row_groups": 1..256, "multi": false, "scales": "row" | "group" | "none" }
 *   NAME.codes      U8  [rows, row bytes]   row bytes = ceil(codes of a row * bits / 32) * 4
 *   NAME.codewords  F16 [sets * codebooks * 2^bits * group_size]   sets = row_groups if multi, else 1
 *   NAME.scales     F16 [rows] or [row_groups]; absent for "none"
 *   NAME.classes    U8  class of each row, a stream padded to 32-bit words; absent for one class
 * </pre>
 */
final class CodebookCodec implements TensorCodec<CodebookTensor> {
  private static final MemorySegment NOTHING = MemorySegment.ofArray(new byte[0]);

  @Override
  public String type() {
    return "codebook";
  }

  @Override
  public Class<CodebookTensor> kind() {
    return CodebookTensor.class;
  }

  @Override
  public void describe(CodebookTensor t, ObjectNode descriptor) {
    CodebookLayout layout = t.layout();
    descriptor
        .put("codebooks", layout.codebooks())
        .put("bits", layout.bits())
        .put("group_size", layout.groupSize())
        .put("row_groups", layout.rowGroups())
        .put("multi", layout.multi())
        .put("scales", layout.scales().name().toLowerCase(Locale.ROOT));
  }

  @Override
  public void write(CodebookTensor t, ComponentWriter out) {
    out.bytes("codes", t.codes(), t.rows());
    out.values("codewords", DType.F16, t.codewords());
    if (t.scales().byteSize() > 0) {
      out.values("scales", DType.F16, t.scales());
    }
    if (t.classes().byteSize() > 0) {
      out.bytes("classes", t.classes(), 0);
    }
  }

  @Override
  public CodebookTensor read(ComponentReader in) {
    CodebookLayout layout =
        new CodebookLayout(
            in.descriptor().integer("codebooks", 1, 16),
            in.descriptor().integer("bits", 1, 16),
            in.descriptor().integer("group_size", 1, 256),
            in.descriptor().integer("row_groups", 1, 256),
            in.descriptor().flag("multi"),
            in.descriptor().constant("scales", CodebookLayout.Scales.class));
    long codeBytes = Math.multiplyExact(in.rows(), layout.rowBytes(in.columns()));
    CodebookTensor read =
        new CodebookTensor(
            in.shape(),
            layout,
            in.component("codes", DType.U8, codeBytes),
            in.component("codewords", DType.F16, layout.elements()),
            optional(in, "scales", DType.F16, layout.scaleCount(in.rows())),
            optional(in, "classes", DType.U8, layout.classBytes(in.rows())));
    checkClasses(in, read);
    return read;
  }

  private static MemorySegment optional(
      ComponentReader in, String component, DType type, long elements) {
    return elements == 0 ? NOTHING : in.component(component, type, elements);
  }

  private static void checkClasses(ComponentReader in, CodebookTensor read) {
    int classes = read.layout().rowGroups();
    for (long row = 0; classes > 1 && row < read.rows(); row++) {
      if (read.rowClass(row) >= classes) {
        throw in.problem(
            "classes", "row " + row + " names class " + read.rowClass(row) + " of " + classes);
      }
    }
  }
}
