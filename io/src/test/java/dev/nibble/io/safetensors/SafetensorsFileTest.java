package dev.nibble.io.safetensors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.core.ModelFormatException;
import dev.nibble.core.tensor.DType;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class SafetensorsFileTest {
  @TempDir Path directory;

  private static String tensor(String name, String dtype, String shape, String offsets) {
    return "\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":%s}"
        .formatted(name, dtype, shape, offsets);
  }

  @Test
  void readsTensorsAndMetadata() throws IOException {
    String header =
        "{\"__metadata__\":{\"format\":\"pt\"},"
            + tensor("a", "F32", "[2,3]", "[0,24]")
            + ","
            + tensor("scalar", "I64", "[]", "[24,32]")
            + ","
            + tensor("empty", "F16", "[0,7]", "[32,32]")
            + "}";
    try (SafetensorsFile file =
        SafetensorsFile.open(RawSafetensors.write(directory.resolve("x"), header, 32))) {
      assertThat(file.metadata()).containsEntry("format", "pt");
      assertThat(file.names()).containsExactly("a", "scalar", "empty");
      assertThat(file.tensor("a").shape()).containsExactly(2, 3);
      assertThat(file.tensor("scalar").toFloats()).containsExactly(0f);
      assertThat(file.tensor("empty").elements()).isZero();
      assertThat(file.byteSize()).isEqualTo(8 + header.length() + 32);
    }
  }

  @ParameterizedTest
  @EnumSource(DType.class)
  void readsEveryElementType(DType type) throws IOException {
    String header = "{" + tensor("t", type.name(), "[3]", "[0," + 3 * type.bytes() + "]") + "}";
    try (SafetensorsFile file =
        SafetensorsFile.open(
            RawSafetensors.write(directory.resolve("x"), header, 3 * type.bytes()))) {
      assertThat(file.tensor("t").dtype()).isEqualTo(type);
      assertThat(file.tensor("t").toFloats()).hasSize(3);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '~',
      textBlock =
          """
          {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,9]}}              | 8 | is not a range
          {"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}              | 8 | is not a range
          {"a":{"dtype":"F32","shape":[2],"data_offsets":[0]}}                | 8 | is not a range
          {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4,8]}}            | 8 | at most 2 whole numbers
          {"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}              | 8 | have 12 bytes, but data_offsets give 8
          {"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}             | 8 | out of range
          {"a":{"dtype":"F32","shape":[2.5],"data_offsets":[0,8]}}            | 8 | whole numbers
          {"a":{"dtype":"F32","shape":["2"],"data_offsets":[0,8]}}            | 8 | whole numbers
          {"a":{"dtype":"F32","shape":2,"data_offsets":[0,8]}}                | 8 | must be a list
          {"a":{"dtype":"F32","shape":[99999999999],"data_offsets":[0,8]}}    | 8 | absurd
          {"a":{"dtype":"F32","shape":[2147483647,2147483647,2147483647],"data_offsets":[0,8]}} | 8 | more than 2^63 bytes
          {"a":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,8]}} | 8 | out of range
          {"a":{"dtype":"C128","shape":[2],"data_offsets":[0,8]}}             | 8 | element type 'C128' is not supported
          {"a":{"dtype":4,"shape":[2],"data_offsets":[0,8]}}                  | 8 | a.dtype
          {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1}}        | 8 | unknown field 'x'
          {"a":{"dtype":"F32","shape":[2]}}                                   | 8 | must all be there
          {"a":7}                                                             | 8 | must be an object
          {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}              | 9 | 1 bytes at the end
          {"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}} | 3 | overlap
          {"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[3,5]}} | 5 | hole
          {"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}} | 2 | Duplicate field 'a'
          {"__metadata__":{"a":1}}                                            | 0 | __metadata__.a
          {"__metadata__":[]}                                                 | 0 | __metadata__
          {} x                                                                | 0 | header
          {} {}                                                               | 0 | text after
          []                                                                  | 0 | must be an object
          {"a"                                                                | 0 | at line 1
          """)
  void brokenHeadersAreRefusedInWords(String header, int dataBytes, String message)
      throws IOException {
    refused(RawSafetensors.write(directory.resolve("bad"), header, dataBytes), message);
  }

  @Test
  void impossibleHeaderLengthsAreRefused() throws IOException {
    byte[] header = "{}".getBytes(StandardCharsets.UTF_8);
    for (long length : new long[] {-1, 0, 1, 3, 100_000_001, Long.MAX_VALUE, Long.MIN_VALUE}) {
      refused(RawSafetensors.write(directory.resolve("bad"), length, header, 0), "header length");
    }
    refused(Files.write(directory.resolve("short"), new byte[7]), "truncated");
    refused(Files.write(directory.resolve("none"), new byte[0]), "truncated");
  }

  @Test
  void textThatIsNotUtf8AndDeepNestingAreRefused() throws IOException {
    byte[] bad = "{\"?\":1}".getBytes(StandardCharsets.UTF_8);
    bad[2] = (byte) 0xff;
    refused(RawSafetensors.write(directory.resolve("bad"), bad, 0), "is not UTF-8");
    String deep = "{\"a\":".repeat(5000) + "1" + "}".repeat(5000);
    refused(RawSafetensors.write(directory.resolve("bad"), deep, 0), "bad");
  }

  @Test
  void placesThatAreNoFilesAreRefused() {
    refused(directory.resolve("absent"), "no such file");
    refused(directory, "is a directory");
  }

  private static void refused(Path file, String message) {
    assertThatThrownBy(() -> SafetensorsFile.open(file))
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContaining(file.getFileName().toString())
        .hasMessageContaining(message);
  }
}
