package dev.nibble.io.interop;

import dev.nibble.core.NibbleException;
import dev.nibble.core.model.ModelWeights;
import dev.nibble.core.tensor.DType;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.io.model.SourceTensors;
import dev.nibble.io.safetensors.SafetensorsWriter.Entry;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * A tensor of a family with plain values, put together from canonical tensors of any kind.
 *
 * @param source the family's tensor
 * @param parts canonical tensors in the order of {@code source.parts()}
 * @param type element type to write
 */
record PlainTensor(SourceTensors.Source source, List<PackedTensor> parts, DType type) {
  private static final int CHUNK_VALUES = 1 << 20;

  /** As stored: of the parts' element type, or F32 when they differ. */
  static PlainTensor asStored(SourceTensors.Source source, ModelWeights model) {
    List<PackedTensor> parts = parts(source, model);
    List<DType> types = parts.stream().map(p -> ((DenseTensor) p).dtype()).distinct().toList();
    return new PlainTensor(source, parts, types.size() == 1 ? types.getFirst() : DType.F32);
  }

  static PlainTensor of(SourceTensors.Source source, ModelWeights model, DType type) {
    return new PlainTensor(source, parts(source, model), type);
  }

  private static List<PackedTensor> parts(SourceTensors.Source source, ModelWeights model) {
    return source.parts().stream().map(p -> source.stored(model.tensor(p.canonical()))).toList();
  }

  static boolean isPlain(SourceTensors.Source source, ModelWeights model) {
    return parts(source, model).stream().allMatch(DenseTensor.class::isInstance);
  }

  /** True when values are computed anew rather than copied. */
  boolean converts() {
    return !parts.stream().allMatch(p -> p instanceof DenseTensor d && d.dtype() == type);
  }

  private long[] shape() {
    long[] shape = parts.getFirst().shape();
    shape[0] = source.rows();
    return source.transposed() ? new long[] {shape[1], shape[0]} : shape;
  }

  /**
   * @throws NibbleException when elements of this type cannot be moved one by one
   */
  Entry entry() {
    if (source.isWhole() && !source.transposed()) {
      PackedTensor only = parts.getFirst();
      if (only instanceof DenseTensor dense && dense.dtype() == type) {
        return Entry.of(source.name(), dense);
      }
      requireWritable();
      return new Entry(source.name(), type, shape(), sink -> writeRows(only, sink::write));
    }
    requireWritable();
    return LinearFormat.lazy(source.name(), type, shape(), this::assembled);
  }

  private void requireWritable() {
    if (type != DType.F32 && type != DType.F16 && type != DType.BF16) {
      throw new NibbleException(
          source.name() + " would be written as " + type + "; choose float32, float16 or bfloat16");
    }
  }

  /** Receiver of chunks that may fail on the disk. */
  private interface Chunks {
    void accept(MemorySegment chunk) throws IOException;
  }

  private void writeRows(PackedTensor tensor, Chunks out) throws IOException {
    int columns = tensor.columns();
    long step = Math.max(1, CHUNK_VALUES / columns);
    for (long from = 0; from < tensor.rows(); from += step) {
      long to = Math.min(tensor.rows(), from + step);
      float[] values = new float[Math.toIntExact((to - from) * columns)];
      tensor.dequantize(from, to, values, 0);
      out.accept(DenseTensor.rounded(values, type, values.length).data());
    }
  }

  /** All rows in their places. */
  private MemorySegment assembled() {
    boolean vector = parts.getFirst().shape().length == 1;
    int columns = vector ? 1 : parts.getFirst().columns();
    long rows = source.rows();
    byte[] bytes = new byte[Math.toIntExact(rows * columns * type.bytes())];
    MemorySegment out = MemorySegment.ofArray(bytes);
    for (int p = 0; p < parts.size(); p++) {
      int[] places = source.parts().get(p).places();
      float[] values = parts.get(p).toFloats();
      for (int r = 0; r < places.length; r++) {
        for (int c = 0; c < columns; c++) {
          long at = source.transposed() ? c * rows + places[r] : (long) places[r] * columns + c;
          type.set(out, at, values[r * columns + c]);
        }
      }
    }
    return out;
  }
}
