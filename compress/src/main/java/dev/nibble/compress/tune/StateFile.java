package dev.nibble.compress.tune;

import dev.nibble.core.ModelFormatException;
import dev.nibble.core.progress.Progress;
import dev.nibble.core.tensor.DType;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.io.safetensors.SafetensorsFile;
import dev.nibble.io.safetensors.SafetensorsWriter;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Arrays and numbers of a training in one safetensors file that appears by atomic rename. */
final class StateFile {
  private static final ValueLayout.OfInt LE32 =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private StateFile() {}

  /**
   * Writes a state.
   *
   * @param arrays {@code float[]} or {@code int[]} by name; empty ones are left out
   */
  static void write(Path file, Map<String, String> numbers, Map<String, Object> arrays) {
    List<SafetensorsWriter.Entry> entries = new ArrayList<>();
    arrays.forEach(
        (name, array) -> {
          DenseTensor tensor = tensor(array);
          if (tensor.elements() > 0) {
            entries.add(SafetensorsWriter.Entry.of(name, tensor));
          }
        });
    SafetensorsWriter.write(file, numbers, entries, Progress.SILENT);
  }

  private static DenseTensor tensor(Object array) {
    if (array instanceof float[] values) {
      return DenseTensor.of(values, values.length);
    }
    int[] values = (int[]) array;
    MemorySegment data = MemorySegment.ofArray(new byte[4 * values.length]);
    for (int i = 0; i < values.length; i++) {
      data.set(LE32, 4L * i, values[i]);
    }
    return new DenseTensor(new long[] {values.length}, DType.I32, data);
  }

  /**
   * Fills the arrays from a file.
   *
   * @return the numbers
   * @throws ModelFormatException when an array is missing or has another size or type
   */
  static Map<String, String> read(Path file, Map<String, Object> arrays) {
    try (SafetensorsFile stored = SafetensorsFile.open(file)) {
      arrays.forEach((name, array) -> fill(file, stored, name, array));
      return Map.copyOf(stored.metadata());
    }
  }

  private static void fill(Path file, SafetensorsFile stored, String name, Object array) {
    int length = array instanceof float[] f ? f.length : ((int[]) array).length;
    if (length == 0) {
      return;
    }
    DenseTensor tensor = stored.tensor(name);
    DType type = array instanceof float[] ? DType.F32 : DType.I32;
    if (tensor.dtype() != type || tensor.elements() != length) {
      throw new ModelFormatException(
          file,
          name,
          "is "
              + tensor.typeName()
              + " of "
              + tensor.elements()
              + " elements, expected "
              + length
              + " of "
              + type
              + "; run again with --restart");
    }
    if (array instanceof float[] values) {
      System.arraycopy(tensor.toFloats(), 0, values, 0, length);
    } else {
      int[] values = (int[]) array;
      for (int i = 0; i < length; i++) {
        values[i] = tensor.data().get(LE32, 4L * i);
      }
    }
  }
}
