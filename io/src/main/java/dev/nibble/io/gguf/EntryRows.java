package dev.nibble.io.gguf;

import dev.nibble.core.ggml.GgmlEncoder;
import dev.nibble.core.ggml.GgmlType;
import dev.nibble.core.tensor.AffineTensor;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.core.tensor.GgmlTensor;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.core.work.Workers;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The stored rows of one GGUF tensor, made from the canonical tensors it consists of: put below
 * each other, q and k rows brought into rotary-pair order, then copied, re-packed or encoded.
 */
final class EntryRows implements GgufWriter.RowSource {

  /** How rows become bytes. */
  enum Conversion {
    /** Stored bytes are taken over. */
    COPY,
    /** Integer codes are packed again, see {@link ExactBlocks}. */
    REPACK,
    /** Values are rounded to the type. */
    ENCODE
  }

  private final GgufLayout.Entry entry;
  private final List<PackedTensor> tensors;
  private final GgmlType type;
  private final Conversion conversion;
  private final int headDim;
  private final float[] importance;
  private final Workers workers;
  private final int columns;
  private final int rowBytes;

  EntryRows(
      GgufLayout.Entry entry,
      List<PackedTensor> tensors,
      GgmlType type,
      Conversion conversion,
      int headDim,
      float[] importance,
      Workers workers) {
    this.entry = entry;
    this.tensors = tensors;
    this.type = type;
    this.conversion = conversion;
    this.headDim = headDim;
    this.importance = importance;
    this.workers = workers;
    this.columns = Math.toIntExact(entry.columns());
    this.rowBytes = Math.toIntExact(type.rowBytes(columns));
  }

  @Override
  public MemorySegment rows(long from, long to) {
    if (entry.shape().length == 1) {
      return MemorySegment.ofArray(
          GgmlEncoder.encode(type, vector(), 0, 1, columns, null, entry.name()));
    }
    int rows = (int) (to - from);
    byte[] out = new byte[Math.multiplyExact(rows, rowBytes)];
    int share = Math.ceilDiv(rows, workers.threads());
    workers.forEach(
        Math.ceilDiv(rows, share),
        task -> {
          int first = task * share;
          int last = Math.min(rows, first + share);
          convert(from + first, last - first, out, first * rowBytes);
        });
    return MemorySegment.ofArray(out);
  }

  private void convert(long from, int rows, byte[] out, int at) {
    if (conversion == Conversion.ENCODE) {
      float[] x = new float[Math.multiplyExact(rows, columns)];
      for (int r = 0; r < rows; r++) {
        Source source = source(from + r);
        source.tensor.dequantize(source.row, source.row + 1, x, r * columns);
      }
      encode(from, rows, x, out, at);
      return;
    }
    for (int r = 0; r < rows; r++) {
      Source source = source(from + r);
      int to = at + r * rowBytes;
      if (source.tensor instanceof AffineTensor affine) {
        ExactBlocks.packRow(affine, type, source.row, out, to, entry.name());
      } else {
        MemorySegment data = data(source.tensor);
        MemorySegment.copy(data, ValueLayout.JAVA_BYTE, source.row * rowBytes, out, to, rowBytes);
      }
    }
  }

  /** Stacked experts may have an importance each: rows are encoded expert by expert then. */
  private void encode(long from, int rows, float[] x, byte[] out, int at) {
    boolean each = importance != null && importance.length != columns;
    long run = each ? entry.parts().getFirst().rows() : rows;
    for (int r = 0; r < rows; ) {
      int count = each ? (int) Math.min(rows - r, run - (from + r) % run) : rows;
      float[] weights = importance;
      if (each) {
        int first = Math.toIntExact((from + r) / run * columns);
        weights = Arrays.copyOfRange(importance, first, first + columns);
      }
      byte[] bytes =
          GgmlEncoder.encode(type, x, r * columns, count, columns, weights, entry.name());
      System.arraycopy(bytes, 0, out, at + r * rowBytes, bytes.length);
      r += count;
    }
  }

  private static MemorySegment data(PackedTensor tensor) {
    return switch (tensor) {
      case DenseTensor dense -> dense.data();
      case GgmlTensor ggml -> ggml.data();
      default -> throw new IllegalStateException("no plain bytes: " + tensor.typeName());
    };
  }

  private record Source(PackedTensor tensor, long row) {}

  /** Where output row {@code row} comes from. */
  private Source source(long row) {
    int part = 0;
    while (row >= entry.parts().get(part).rows()) {
      row -= entry.parts().get(part).rows();
      part++;
    }
    boolean rotary = entry.parts().get(part).rotaryHeads() > 0;
    return new Source(tensors.get(part), rotary ? RotaryRows.halfSplitOf(row, headDim) : row);
  }

  /** All elements of a vector entry; those of a bias move like the rows of its matrix. */
  private float[] vector() {
    List<float[]> values = new ArrayList<>();
    tensors.forEach(t -> values.add(t.toFloats()));
    float[] out = new float[columns];
    int at = 0;
    for (int p = 0; p < values.size(); p++) {
      boolean rotary = entry.parts().get(p).rotaryHeads() > 0;
      float[] part = values.get(p);
      for (int i = 0; i < part.length; i++) {
        out[at++] = part[rotary ? (int) RotaryRows.halfSplitOf(i, headDim) : i];
      }
    }
    return out;
  }
}
