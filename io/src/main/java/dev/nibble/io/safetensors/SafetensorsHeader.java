package dev.nibble.io.safetensors;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import dev.nibble.core.ModelFormatException;
import dev.nibble.core.tensor.DType;
import dev.nibble.io.json.JsonFields;
import dev.nibble.io.json.StrictJson;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Reads and checks the JSON header: streaming, because a header may have 100 MB and a tree of it
 * many times that.
 */
final class SafetensorsHeader {
  private static final String METADATA = "__metadata__";
  private static final int MAX_DIMENSIONS = 32;
  private static final int MAX_METADATA = 1 << 16;

  private final Path file;
  private final JsonParser json;
  private final long dataBytes;
  private final Map<String, String> metadata = new LinkedHashMap<>();
  private final Map<String, TensorSource.Info> tensors = new LinkedHashMap<>();

  private SafetensorsHeader(Path file, JsonParser json, long dataBytes) {
    this.file = file;
    this.json = json;
    this.dataBytes = dataBytes;
  }

  /** A checked header of a file whose data part has {@code dataBytes} bytes. */
  static SafetensorsHeader read(Path file, byte[] text, long dataBytes) {
    try (JsonParser json = StrictJson.parser(file, "header", text)) {
      SafetensorsHeader header = new SafetensorsHeader(file, json, dataBytes);
      header.readAll();
      header.checkCoverage();
      return header;
    } catch (JsonProcessingException e) {
      throw StrictJson.broken(file, "header", e);
    } catch (IOException e) {
      throw new ModelFormatException(file, "header", "cannot be read: " + e.getMessage(), e);
    }
  }

  Map<String, String> metadata() {
    return Collections.unmodifiableMap(metadata);
  }

  Map<String, TensorSource.Info> tensors() {
    return Collections.unmodifiableMap(tensors);
  }

  private void readAll() throws IOException {
    expect("header", JsonToken.START_OBJECT, "an object");
    for (String name = json.nextFieldName(); name != null; name = json.nextFieldName()) {
      if (name.equals(METADATA)) {
        readMetadata();
      } else {
        tensors.put(name, readTensor(name));
      }
    }
    if (json.nextToken() != null) {
      throw problem("header", "there is text after the JSON object");
    }
  }

  private void readMetadata() throws IOException {
    expect(METADATA, JsonToken.START_OBJECT, "an object of texts");
    for (String key = json.nextFieldName(); key != null; key = json.nextFieldName()) {
      expect(METADATA + "." + key, JsonToken.VALUE_STRING, "a text");
      metadata.put(key, json.getText());
      if (metadata.size() > MAX_METADATA) {
        throw problem(METADATA, "more than " + MAX_METADATA + " entries");
      }
    }
  }

  private TensorSource.Info readTensor(String name) throws IOException {
    expect(name, JsonToken.START_OBJECT, "an object with dtype, shape and data_offsets");
    DType dtype = null;
    long[] shape = null;
    long[] offsets = null;
    for (String key = json.nextFieldName(); key != null; key = json.nextFieldName()) {
      switch (key) {
        case "dtype" -> dtype = readType(name);
        case "shape" -> shape = readNumbers(name, "shape", MAX_DIMENSIONS);
        case "data_offsets" -> offsets = readNumbers(name, "data_offsets", 2);
        default -> throw problem(name, "unknown field '" + JsonFields.shown(key) + "'");
      }
    }
    if (dtype == null || shape == null || offsets == null) {
      throw problem(name, "dtype, shape and data_offsets must all be there");
    }
    return checked(name, dtype, shape, offsets);
  }

  private DType readType(String name) throws IOException {
    expect(name + ".dtype", JsonToken.VALUE_STRING, "a text");
    String text = json.getText();
    for (DType type : DType.values()) {
      if (type.name().equals(text)) {
        return type;
      }
    }
    throw problem(
        name + ".dtype",
        "element type '"
            + JsonFields.shown(text)
            + "' is not supported; supported are "
            + Arrays.stream(DType.values()).map(DType::name).collect(Collectors.joining(", ")));
  }

  private long[] readNumbers(String name, String field, int max) throws IOException {
    String where = name + "." + field;
    expect(where, JsonToken.START_ARRAY, "a list");
    long[] out = new long[max];
    int count = 0;
    while (json.nextToken() != JsonToken.END_ARRAY) {
      if (json.currentToken() != JsonToken.VALUE_NUMBER_INT || count == max) {
        throw problem(where, "must be a list of at most " + max + " whole numbers");
      }
      boolean fits = json.getNumberType() != JsonParser.NumberType.BIG_INTEGER;
      if (!fits || json.getLongValue() < 0) {
        throw problem(where, JsonFields.shown(json.getText()) + " is out of range");
      }
      out[count++] = json.getLongValue();
    }
    return Arrays.copyOf(out, count);
  }

  private TensorSource.Info checked(String name, DType dtype, long[] shape, long[] offsets) {
    if (offsets.length != 2 || offsets[0] > offsets[1] || offsets[1] > dataBytes) {
      throw problem(
          name + ".data_offsets",
          Arrays.toString(offsets)
              + " is not a range of the "
              + dataBytes
              + " data bytes that the file has; it may be truncated, get it again");
    }
    long bytes = dtype.bytes();
    for (long dimension : shape) {
      if (dimension > Integer.MAX_VALUE) {
        throw problem(name + ".shape", "dimension " + dimension + " is absurd");
      }
      if (bytes != 0 && dimension > Long.MAX_VALUE / bytes) {
        throw problem(name + ".shape", Arrays.toString(shape) + " has more than 2^63 bytes");
      }
      bytes *= dimension;
    }
    if (bytes != offsets[1] - offsets[0]) {
      throw problem(
          name,
          Arrays.toString(shape)
              + " elements of "
              + dtype
              + " have "
              + bytes
              + " bytes, but data_offsets give "
              + (offsets[1] - offsets[0]));
    }
    return new TensorSource.Info(shape, dtype, offsets[0], offsets[1]);
  }

  /** Tensors must cover the data part without overlap or hole: the format asks for it. */
  private void checkCoverage() {
    List<Map.Entry<String, TensorSource.Info>> sorted =
        tensors.entrySet().stream()
            .sorted(
                (a, b) -> {
                  int byBegin = Long.compare(a.getValue().begin(), b.getValue().begin());
                  return byBegin != 0
                      ? byBegin
                      : Long.compare(a.getValue().end(), b.getValue().end());
                })
            .toList();
    long at = 0;
    for (Map.Entry<String, TensorSource.Info> entry : sorted) {
      TensorSource.Info info = entry.getValue();
      if (info.begin() != at) {
        throw problem(
            entry.getKey() + ".data_offsets",
            "begins at byte "
                + info.begin()
                + ", but the tensor before it ends at "
                + at
                + (info.begin() < at ? "; the two overlap" : "; there is a hole between them"));
      }
      at = info.end();
    }
    if (at != dataBytes) {
      throw problem("", (dataBytes - at) + " bytes at the end of the file belong to no tensor");
    }
  }

  private void expect(String where, JsonToken token, String expected) throws IOException {
    if (json.nextToken() != token) {
      throw problem(where, "must be " + expected);
    }
  }

  private ModelFormatException problem(String element, String text) {
    return new ModelFormatException(file, JsonFields.shown(element), text);
  }
}
