package dev.nibble.io.packed;

import dev.nibble.core.spec.ScaleFormat;
import dev.nibble.core.tensor.DType;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.io.safetensors.DataSource;
import dev.nibble.io.safetensors.SafetensorsWriter.Entry;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** Collects the components of one packed tensor as entries of a file; views, not copies. */
final class ComponentWriter {
  private final String name;
  private final List<Entry> entries = new ArrayList<>();

  ComponentWriter(String name) {
    this.name = name;
  }

  List<Entry> entries() {
    return entries;
  }

  /** Bytes, as {@code [rows, size / rows]}, or as a vector when {@code rows} is 0. */
  void bytes(String component, MemorySegment data, long rows) {
    long size = data.byteSize();
    long[] shape = rows > 0 ? new long[] {rows, size / rows} : new long[] {size};
    entries.add(new Entry(full(component), DType.U8, shape, DataSource.of(data)));
  }

  /** Bytes that start where {@code alignment} divides the address once the file is mapped. */
  void alignedBytes(String component, MemorySegment data, int alignment) {
    long[] shape = {data.byteSize()};
    entries.add(new Entry(full(component), DType.U8, shape, DataSource.of(data), alignment));
  }

  /** A vector of elements. */
  void values(String component, DType type, MemorySegment data) {
    long[] shape = {data.byteSize() / type.bytes()};
    entries.add(new Entry(full(component), type, shape, DataSource.of(data)));
  }

  /** A vector of scales. */
  void scales(String component, ScaleFormat format, MemorySegment data) {
    values(component, elementType(format), data);
  }

  /** A vector of floats. */
  void floats(String component, float[] values) {
    entries.add(Entry.of(full(component), DenseTensor.of(values, values.length)));
  }

  /** A tensor inside the tensor, whose descriptor is {@link TensorCodecs#descriptor}. */
  void nested(String component, PackedTensor tensor) {
    entries.addAll(TensorCodecs.entries(full(component), tensor));
  }

  private String full(String component) {
    return name + "." + component;
  }

  static DType elementType(ScaleFormat format) {
    return switch (format) {
      case FP32 -> DType.F32;
      case FP16 -> DType.F16;
      case BF16 -> DType.BF16;
      case E8M0 -> DType.U8;
      case E4M3 -> DType.F8_E4M3;
    };
  }
}
