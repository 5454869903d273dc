package dev.nibble.io.interop;

import dev.nibble.core.NibbleException;
import dev.nibble.core.model.ModelWeights;
import dev.nibble.core.op.SiteOps;
import dev.nibble.core.spec.ScaleFormat;
import dev.nibble.core.tensor.AffineTensor;
import dev.nibble.core.tensor.BitPacking;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.io.model.SourceTensors;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Optional;

/**
 * A quantized linear of a family, put together from the canonical tensors that it is made of: its
 * rows are theirs, in the family's order. Arrays are made anew each time they are asked for.
 *
 * @param source the family's tensor
 * @param parts canonical tensors in the order of {@code source.parts()}, alike in bits, groups and
 *     group index
 * @param ops run-time parts of all of them
 */
record StoredLinear(SourceTensors.Source source, List<AffineTensor> parts, SiteOps ops) {

  /** A row of an array per output channel, taken from part {@code p}, row {@code r}. */
  private interface Rows {
    void copy(AffineTensor part, int r, int to);
  }

  /**
   * @param target format, for messages
   * @throws NibbleException when a part is stored in a way that only values could be taken from, or
   *     the parts differ
   */
  static StoredLinear of(SourceTensors.Source source, ModelWeights model, String target) {
    List<AffineTensor> parts =
        source.parts().stream().map(p -> affine(p.canonical(), model, target)).toList();
    AffineTensor first = parts.getFirst();
    for (AffineTensor part : parts) {
      boolean alike =
          part.bits() == first.bits()
              && part.groupSize() == first.groupSize()
              && part.scaleFormat() == first.scaleFormat()
              && sameIndex(part.groupIndex(), first.groupIndex());
      if (!alike) {
        throw new NibbleException(
            source.name()
                + " is one tensor in the source family, but its parts are quantized differently ("
                + first.typeName()
                + " and "
                + part.typeName()
                + ", or other column groups); quantize q, k and v alike, without act_order");
      }
    }
    List<SiteOps> ops = source.parts().stream().map(p -> ops(p.canonical(), model)).toList();
    if (ops.stream().distinct().count() > 1) {
      throw new NibbleException(
          source.name() + " is one linear in the source family, but its parts run differently");
    }
    return new StoredLinear(source, parts, ops.getFirst());
  }

  private static AffineTensor affine(String name, ModelWeights model, String target) {
    PackedTensor tensor = model.tensor(name);
    if (tensor instanceof AffineTensor affine) {
      return affine;
    }
    throw new NibbleException(
        name
            + " is stored as "
            + tensor.typeName()
            + ", which "
            + target
            + " cannot hold; use an int format in the recipe, or export as safetensors");
  }

  private static SiteOps ops(String name, ModelWeights model) {
    String site = name.substring(0, name.lastIndexOf('.'));
    return model.siteOps().getOrDefault(site, SiteOps.NONE);
  }

  private static boolean sameIndex(MemorySegment a, MemorySegment b) {
    return (a == null || b == null) ? (a == null && b == null) : a.mismatch(b) == -1;
  }

  String module() {
    return source.module();
  }

  int rows() {
    return source.rows();
  }

  int columns() {
    return parts.getFirst().columns();
  }

  int bits() {
    return parts.getFirst().bits();
  }

  ScaleFormat scaleFormat() {
    return parts.getFirst().scaleFormat();
  }

  /** Columns per group; all columns for scales per channel or tensor. */
  int groupSize() {
    int size = parts.getFirst().groupSize();
    return size == 0 ? columns() : Math.min(size, columns());
  }

  /** True when a row is one group. */
  boolean wholeRows() {
    return groupSize() == columns();
  }

  /** Groups of a row; a scale of the whole tensor counts as one that every row has. */
  int groups() {
    return Math.ceilDiv(columns(), groupSize());
  }

  boolean symmetric() {
    return parts.stream().allMatch(AffineTensor::symmetric);
  }

  /** The group of each column is not just {@code c / groupSize}. */
  boolean reordered() {
    return parts.getFirst().groupIndex() != null;
  }

  /** As {@code int4:g128:asym}. */
  String typeName() {
    return parts.getFirst().typeName();
  }

  /** Unsigned codes {@code [rows, columns]}. */
  byte[] codes() {
    int columns = columns();
    int bits = bits();
    byte[] out = new byte[Math.multiplyExact(rows(), columns)];
    int stride = (int) AffineTensor.rowStride(columns, bits);
    byte[] packed = new byte[stride];
    byte[] row = new byte[columns];
    forRows(
        (part, r, to) -> {
          MemorySegment.copy(
              part.codes(), ValueLayout.JAVA_BYTE, (long) r * stride, packed, 0, stride);
          BitPacking.unpack(packed, 0, columns, bits, row);
          System.arraycopy(row, 0, out, to * columns, columns);
        });
    return out;
  }

  /** Scales {@code [rows, groups]}. */
  float[] scales() {
    int groups = groups();
    float[] out = new float[Math.multiplyExact(rows(), groups)];
    forRows(
        (part, r, to) -> {
          for (int g = 0; g < groups; g++) {
            out[to * groups + g] = part.scale(r, g);
          }
        });
    return out;
  }

  /** Zero-points {@code [rows, groups]}, the middle code where the tensor is symmetric. */
  int[] zeros() {
    int groups = groups();
    int[] out = new int[Math.multiplyExact(rows(), groups)];
    forRows(
        (part, r, to) -> {
          for (int g = 0; g < groups; g++) {
            out[to * groups + g] = part.zero(r, g);
          }
        });
    return out;
  }

  /** Group of each column. */
  int[] groupIndex() {
    int[] out = new int[columns()];
    for (int c = 0; c < out.length; c++) {
      out[c] = parts.getFirst().groupOf(c);
    }
    return out;
  }

  private void forRows(Rows action) {
    for (int p = 0; p < parts.size(); p++) {
      int[] places = source.parts().get(p).places();
      for (int r = 0; r < places.length; r++) {
        action.copy(parts.get(p), r, places[r]);
      }
    }
  }

  /** The scale at fault when not all of them are values of {@code format}; else empty. */
  Optional<Float> scaleBeyond(ScaleFormat format) {
    for (float scale : scales()) {
      float stored =
          switch (format) {
            case FP16 -> Float.float16ToFloat(Float.floatToFloat16(scale));
            case FP32 -> scale;
            default -> throw new IllegalArgumentException(format.name());
          };
      if (stored != scale) {
        return Optional.of(scale);
      }
    }
    return Optional.empty();
  }
}
