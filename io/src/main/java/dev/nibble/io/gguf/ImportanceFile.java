package dev.nibble.io.gguf;

import dev.nibble.core.ModelFormatException;
import dev.nibble.io.json.JsonFields;
import java.io.IOException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Reader of classic importance-matrix files.
 *
 * <pre>
 * entries i32
 * entries x { name length i32 | name | calls i32 | n i32 | float32[n] = mean square x calls }
 * then, optionally, last chunk i32 | length i32 | data set name
 * </pre>
 */
public final class ImportanceFile {
  private static final long MAX_BYTES = 1L << 30;
  private static final int MAX_NAME = 255;

  private ImportanceFile() {}

  /**
   * Mean squared inputs by GGUF tensor name.
   *
   * @throws ModelFormatException when the file is damaged or holds numbers that are not finite
   */
  public static Map<String, float[]> read(Path file) {
    try {
      if (Files.size(file) > MAX_BYTES) {
        throw new ModelFormatException(file, "", "is too large for an importance matrix");
      }
      return parse(file, ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN));
    } catch (BufferUnderflowException e) {
      throw new ModelFormatException(file, "", "ends early; it is truncated or damaged", e);
    } catch (IOException e) {
      throw new ModelFormatException(file, "", "cannot be read: " + e.getMessage(), e);
    }
  }

  private static Map<String, float[]> parse(Path file, ByteBuffer in) {
    Map<String, float[]> entries = new LinkedHashMap<>();
    int count = in.getInt();
    if (count < 1 || count > in.remaining() / 12) {
      throw new ModelFormatException(file, "entries", count + " is not a plausible number");
    }
    for (int i = 0; i < count; i++) {
      int length = in.getInt();
      if (length < 1 || length > Math.min(MAX_NAME, in.remaining())) {
        throw new ModelFormatException(file, "entry " + i, "a name of " + length + " bytes");
      }
      byte[] name = new byte[length];
      in.get(name);
      String tensor = new String(name, StandardCharsets.UTF_8);
      int calls = in.getInt();
      int n = in.getInt();
      if (n < 1 || n > in.remaining() / 4) {
        throw new ModelFormatException(
            file, JsonFields.shown(tensor), n + " values do not fit into the file");
      }
      entries.put(tensor, values(file, tensor, in, calls, n));
    }
    return entries;
  }

  private static float[] values(Path file, String tensor, ByteBuffer in, int calls, int n) {
    float[] values = new float[n];
    for (int i = 0; i < n; i++) {
      float value = in.getFloat();
      values[i] = calls > 0 ? value / calls : value;
      if (!(values[i] >= 0) || values[i] == Float.POSITIVE_INFINITY) {
        throw new ModelFormatException(
            file,
            JsonFields.shown(tensor),
            "value " + i + " is " + value + ", but must be a non-negative number");
      }
    }
    return values;
  }
}
