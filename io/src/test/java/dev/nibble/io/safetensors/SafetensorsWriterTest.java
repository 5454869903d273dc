package dev.nibble.io.safetensors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.core.NibbleException;
import dev.nibble.core.progress.Progress;
import dev.nibble.core.tensor.DType;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.io.safetensors.SafetensorsWriter.Entry;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SafetensorsWriterTest {
  @TempDir Path directory;

  private static final Entry FLOATS =
      Entry.of("floats", DenseTensor.of(new float[] {1, -2, 3.5f, 0, 5, 6}, 2, 3));
  private static final Entry HALVES =
      Entry.of("halves", DenseTensor.rounded(new float[] {0.5f, 1, 2}, DType.F16, 3));
  private static final Entry BYTES =
      new Entry(
          "bytes",
          DType.U8,
          new long[] {3},
          sink -> {
            sink.write(MemorySegment.ofArray(new byte[] {7, 8}));
            sink.write(MemorySegment.ofArray(new byte[] {9}));
          });

  @Test
  void whatIsWrittenIsReadBack() {
    Path file = directory.resolve("m.safetensors");
    List<Entry> entries = List.of(BYTES, HALVES, FLOATS);
    SafetensorsWriter.write(file, Map.of("k", "v\u00e9"), entries, Progress.SILENT);
    try (SafetensorsFile read = SafetensorsFile.open(file)) {
      assertThat(read.metadata()).containsExactly(Map.entry("k", "v\u00e9"));
      assertThat(read.names()).containsExactly("floats", "halves", "bytes");
      assertThat(read.tensor("floats").toFloats()).containsExactly(1, -2, 3.5f, 0, 5, 6);
      assertThat(read.tensor("halves").toFloats()).containsExactly(0.5f, 1, 2);
      assertThat(read.tensor("bytes").toFloats()).containsExactly(7, 8, 9);
      assertThat(read.byteSize())
          .isEqualTo(SafetensorsWriter.fileSize(Map.of("k", "v\u00e9"), entries));
      long header = read.byteSize() - 24 - 6 - 3;
      assertThat(header % 8).isZero();
    }
  }

  @Test
  void dataIsPlacedAsItAsksFor() {
    Path file = directory.resolve("m.safetensors");
    DataSource page = DataSource.of(MemorySegment.ofArray(new byte[192]));
    Entry aligned = new Entry("z", DType.U8, new long[] {192}, page, 64);
    for (int length = 1; length < 70; length++) {
      Map<String, String> metadata = Map.of("k", "v".repeat(length));
      SafetensorsWriter.write(file, metadata, List.of(BYTES, FLOATS, aligned), Progress.SILENT);
      try (SafetensorsFile read = SafetensorsFile.open(file)) {
        assertThat(read.tensor("z").data().address() % 64).isZero();
        assertThat(read.tensor("floats").toFloats()).containsExactly(1, -2, 3.5f, 0, 5, 6);
        assertThat(read.tensor("bytes").toFloats()).containsExactly(7, 8, 9);
      }
    }
  }

  @Test
  void theOrderOfEntriesDoesNotChangeTheBytes() throws IOException {
    Path one = directory.resolve("one");
    Path two = directory.resolve("two");
    SafetensorsWriter.write(
        one, Map.of("a", "1", "b", "2"), List.of(BYTES, FLOATS, HALVES), Progress.SILENT);
    SafetensorsWriter.write(
        two, Map.of("b", "2", "a", "1"), List.of(HALVES, BYTES, FLOATS), Progress.SILENT);
    assertThat(Files.readAllBytes(one)).isEqualTo(Files.readAllBytes(two));
  }

  @Test
  void aFailureLeavesTheOldFileAndNothingElse() throws IOException {
    Path file = directory.resolve("m.safetensors");
    Files.writeString(file, "old");
    Entry full =
        new Entry(
            "t",
            DType.U8,
            new long[] {4},
            sink -> {
              sink.write(MemorySegment.ofArray(new byte[2]));
              throw new IOException("No space left on device");
            });
    assertThatThrownBy(
            () -> SafetensorsWriter.write(file, Map.of(), List.of(full), Progress.SILENT))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("m.safetensors")
        .hasMessageContaining("the disk is full; free some space")
        .extracting(e -> ((NibbleException) e).exitCode())
        .isEqualTo(NibbleException.RESOURCES);
    assertThat(file).hasContent("old");
    try (Stream<Path> left = Files.list(directory)) {
      assertThat(left).containsExactly(file);
    }
  }

  @Test
  void aMissingDirectoryIsNamedWithTheRemedy() {
    Path file = directory.resolve("no/such/m.safetensors");
    assertThatThrownBy(
            () -> SafetensorsWriter.write(file, Map.of(), List.of(FLOATS), Progress.SILENT))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("no such file or directory");
  }

  @Test
  void aSourceOfTheWrongLengthAndTwinNamesAreProgrammingErrors() {
    Path file = directory.resolve("m");
    Entry wrong =
        new Entry("t", DType.U8, new long[] {4}, DataSource.of(MemorySegment.ofArray(new byte[3])));
    assertThatThrownBy(
            () -> SafetensorsWriter.write(file, Map.of(), List.of(wrong), Progress.SILENT))
        .isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(
            () -> SafetensorsWriter.write(file, Map.of(), List.of(FLOATS, FLOATS), Progress.SILENT))
        .isInstanceOf(IllegalArgumentException.class);
    assertThat(directory).isEmptyDirectory();
  }
}
