package dev.nibble.io.gguf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.core.ModelFormatException;
import dev.nibble.core.NibbleException;
import dev.nibble.core.ggml.GgmlType;
import dev.nibble.core.progress.Progress;
import dev.nibble.core.testing.SharedData;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GgufFileTest {
  @TempDir Path directory;

  @Test
  void everyValueTypeSurvives() {
    SequencedMap<String, GgufValue> all = TinyGguf.metadata();
    all.put("x.u8", new GgufValue.Scalar(GgufValueType.U8, 255));
    all.put("x.i8", new GgufValue.Scalar(GgufValueType.I8, -128));
    all.put("x.u16", new GgufValue.Scalar(GgufValueType.U16, 65535));
    all.put("x.i16", new GgufValue.Scalar(GgufValueType.I16, -32768));
    all.put("x.u32", GgufValue.u32(0xffff_ffffL));
    all.put("x.i32", new GgufValue.Scalar(GgufValueType.I32, Integer.MIN_VALUE));
    all.put("x.u64", new GgufValue.Scalar(GgufValueType.U64, -1L));
    all.put("x.i64", new GgufValue.Scalar(GgufValueType.I64, Long.MIN_VALUE));
    all.put("x.f64", new GgufValue.Scalar(GgufValueType.F64, Math.PI));
    all.put("x.bool", GgufValue.of(true));
    all.put("x.floats", GgufValue.floats(new float[] {1.5f, -2f}));
    all.put("x.ints", GgufValue.ints(new int[] {3, -4}));
    all.put("x.none", GgufValue.strings(List.of()));
    Path file = directory.resolve("all.gguf");
    GgufWriter.write(file, all, TinyGguf.tensors(), Progress.SILENT);
    try (GgufFile read = GgufFile.open(file)) {
      assertThat(read.version()).isEqualTo(3);
      assertThat(read.metadata()).containsEntry("x.u32", 0xffff_ffffL).containsEntry("x.i8", -128);
      assertThat(read.metadata().keySet()).containsExactlyElementsOf(all.keySet());
      all.forEach((key, value) -> assertThat(read.values().get(key)).isEqualTo(value));
    }
  }

  @Test
  void writingWhatWasReadGivesTheSameBytes() throws IOException {
    Path first = TinyGguf.write(directory.resolve("a.gguf"));
    Path second = directory.resolve("b.gguf");
    try (GgufFile read = GgufFile.open(first)) {
      List<GgufWriter.Tensor> tensors =
          read.tensors().values().stream()
              .map(
                  t -> {
                    long row = t.type().rowBytes(t.shape()[t.shape().length - 1]);
                    return new GgufWriter.Tensor(
                        t.name(),
                        t.shape(),
                        t.type(),
                        (from, to) -> read.data(t).asSlice(from * row, (to - from) * row));
                  })
              .toList();
      GgufWriter.write(second, read.values(), tensors, Progress.SILENT);
    }
    assertThat(second).hasSameBinaryContentAs(first);
    try (var files = Files.list(directory)) {
      assertThat(files).containsExactlyInAnyOrder(first, second);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "ggml-vocab-bert-bge.gguf, bert, 30522",
    "ggml-vocab-deepseek-coder.gguf, gpt2, 32256",
    "ggml-vocab-gpt-2.gguf, gpt2, 50257",
    "ggml-vocab-llama-spm.gguf, llama, 32000",
    "ggml-vocab-starcoder.gguf, gpt2, 49152"
  })
  void realVocabulariesAreRead(String name, String model, int size) {
    Path file = SharedData.path("models/tokenizers-gguf").resolve(name);
    try (GgufFile read = GgufFile.open(file)) {
      assertThat(read.tensors()).isEmpty();
      assertThat(read.string("tokenizer.ggml.model")).contains(model);
      assertThat((List<?>) read.metadata().get("tokenizer.ggml.tokens"))
          .hasSize(size)
          .allMatch(String.class::isInstance);
      assertThat((List<?>) read.metadata().get("tokenizer.ggml.token_type"))
          .hasSize(size)
          .allMatch(Integer.class::isInstance);
    }
  }

  @Test
  void aVocabularyIsNotAModel() {
    Path file = SharedData.path("models/tokenizers-gguf/ggml-vocab-llama-spm.gguf");
    assertThatThrownBy(() -> GgufModel.open(file))
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContaining("token_embd.weight")
        .hasMessageContaining("holds no model");
  }

  @Test
  void foreignFilesAreNamedAsSuch() throws IOException {
    refused(new byte[0], "ends early");
    refused("PK and more text".getBytes(StandardCharsets.US_ASCII), "not a GGUF file");
    refused(header(1, 0, 0), "version 1 is not supported");
    refused(header(0x03000000, 0, 0), "big-endian");
    refused(header(3, 1L << 60, 0), "cannot fit");
    refused(header(3, 0, -1), "cannot fit");
    assertThatThrownBy(() -> GgufFile.open(directory.resolve("absent.gguf")))
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContaining("absent.gguf");
  }

  @Test
  void badAlignmentIsRefused() {
    SequencedMap<String, GgufValue> metadata = new LinkedHashMap<>();
    metadata.put("general.alignment", new GgufValue.Scalar(GgufValueType.U32, 8L));
    Path file = directory.resolve("alignment.gguf");
    GgufWriter.write(file, metadata, List.of(), Progress.SILENT);
    for (int bad : new int[] {0, 3, -8}) {
      patch(file, b -> b.putInt(24 + 8 + "general.alignment".length() + 4, bad));
      assertThatThrownBy(() -> GgufFile.open(file))
          .isInstanceOf(ModelFormatException.class)
          .hasMessageContaining("power of two");
    }
  }

  @Test
  void duplicateNamesAreRefused() {
    Path file = directory.resolve("twins.gguf");
    List<GgufWriter.Tensor> twins =
        List.of(
            TinyGguf.numbered("tensor.a", new long[] {2}, 0),
            TinyGguf.numbered("tensor.b", new long[] {2}, 0));
    GgufWriter.write(file, new LinkedHashMap<>(), twins, Progress.SILENT);
    replace(file, "tensor.b", "tensor.a");
    assertThatThrownBy(() -> GgufFile.open(file))
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContaining("tensor.a")
        .hasMessageContaining("appears twice");
  }

  @Test
  void longNamesAreRefusedBothWays() {
    assertThatThrownBy(() -> TinyGguf.numbered("n".repeat(64), new long[] {1}, 0))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("64 bytes");
    Path file = directory.resolve("long.gguf");
    SequencedMap<String, GgufValue> metadata = new LinkedHashMap<>();
    // A tensor header of 64 + 8 bytes more is made by moving the boundary between name and rest.
    GgufWriter.write(
        file,
        metadata,
        List.of(TinyGguf.numbered("n".repeat(63), new long[] {64}, 0)),
        Progress.SILENT);
    patch(file, b -> b.putLong(24, 64));
    assertThatThrownBy(() -> GgufFile.open(file))
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContaining("1 to 63 bytes");
  }

  @Test
  void dataBeyondTheEndIsRefused() throws IOException {
    Path file = TinyGguf.write(directory.resolve("cut.gguf"));
    byte[] whole = Files.readAllBytes(file);
    Files.write(file, Arrays.copyOf(whole, whole.length - 40));
    assertThatThrownBy(() -> GgufFile.open(file))
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContaining("ffn_down")
        .hasMessageContaining("truncated");
  }

  @Test
  void unknownElementTypesAreRefused() {
    Path file = directory.resolve("type.gguf");
    GgufWriter.write(
        file,
        new LinkedHashMap<>(),
        List.of(TinyGguf.numbered("t", new long[] {2}, 0)),
        Progress.SILENT);
    patch(file, b -> b.putInt(24 + 8 + 1 + 4 + 8, 4));
    assertThatThrownBy(() -> GgufFile.open(file))
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContaining("element type 4");
    patch(file, b -> b.putInt(24 + 8 + 1 + 4 + 8, GgmlType.Q4_0.id()));
    assertThatThrownBy(() -> GgufFile.open(file))
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContaining("whole blocks of 32");
  }

  private void refused(byte[] content, String message) throws IOException {
    Path file = directory.resolve("bad.gguf");
    Files.write(file, content);
    assertThatThrownBy(() -> GgufFile.open(file))
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContaining(message);
  }

  private static byte[] header(int version, long tensors, long keys) {
    return ByteBuffer.allocate(24)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putInt(GgufFile.MAGIC)
        .putInt(version)
        .putLong(tensors)
        .putLong(keys)
        .array();
  }

  private static void patch(Path file, Consumer<ByteBuffer> change) {
    try {
      ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
      change.accept(bytes);
      Files.write(file, bytes.array());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void replace(Path file, String from, String to) {
    try {
      String text = Files.readString(file, StandardCharsets.ISO_8859_1);
      Files.writeString(file, text.replace(from, to), StandardCharsets.ISO_8859_1);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
