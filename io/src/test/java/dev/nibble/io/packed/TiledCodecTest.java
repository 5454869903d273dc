package dev.nibble.io.packed;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.core.ModelFormatException;
import dev.nibble.core.progress.Progress;
import dev.nibble.core.tensor.DType;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.core.tensor.PackedFormat;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.core.tensor.TiledTensor;
import dev.nibble.io.model.PackedFile;
import dev.nibble.io.safetensors.DataSource;
import dev.nibble.io.safetensors.SafetensorsFile;
import dev.nibble.io.safetensors.SafetensorsWriter;
import dev.nibble.io.safetensors.SafetensorsWriter.Entry;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TiledCodecTest {
  @TempDir Path directory;

  private Path file;

  @BeforeEach
  void place() {
    file = directory.resolve("model.safetensors");
  }

  private static TiledTensor tiled(PackedFormat format, int rows, int columns) {
    Random random = new Random(rows);
    byte[] data = new byte[Math.toIntExact(format.byteSize(rows, columns))];
    byte[] table = new byte[format.table() ? PackedFormat.TABLE : 0];
    random.nextBytes(data);
    random.nextBytes(table);
    long[] shape = {rows, columns};
    return new TiledTensor(shape, format, -9, table, MemorySegment.ofArray(data));
  }

  @Test
  void everyLayoutComesBackAligned() {
    Map<String, PackedTensor> tensors =
        Map.of(
            "a", DenseTensor.of(new float[] {1, 2, 3}, 3),
            "b", tiled(new PackedFormat(4, 32, false), 33, 64),
            "c", tiled(new PackedFormat(5, 16, true), 7, 96),
            "d", tiled(new PackedFormat(4, 128, false, true), 64, 128));
    SafetensorsWriter.write(
        file, PackedFile.metadata(tensors), PackedFile.entries(tensors), Progress.SILENT);
    try (SafetensorsFile opened = SafetensorsFile.open(file)) {
      Map<String, PackedTensor> read = PackedFile.readAll(opened);
      assertThat(read).containsOnlyKeys("a", "b", "c", "d");
      assertThat(read.get("a").toFloats()).containsExactly(1, 2, 3);
      for (String name : List.of("b", "c", "d")) {
        TiledTensor expected = (TiledTensor) tensors.get(name);
        TiledTensor found = (TiledTensor) read.get(name);
        assertThat(found.data().address() % TiledTensor.ALIGNMENT).isZero();
        assertThat(found.data().isMapped()).isTrue();
        assertThat(found.data().mismatch(expected.data())).isEqualTo(-1);
        assertThat(found.format()).isEqualTo(expected.format());
        assertThat(found.shape()).containsExactly(expected.shape());
        assertThat(found.exponent()).isEqualTo(-9);
        assertThat(found.table()).isEqualTo(expected.table());
      }
    }
  }

  @Test
  void dataAtAnOddPlaceIsRefused() {
    TiledTensor tensor = tiled(new PackedFormat(4, 32, false), 32, 32);
    Entry first = Entry.of("a", DenseTensor.rounded(new float[] {1, 2, 3, 4}, DType.F16, 4));
    Entry data = new Entry("w.data", DType.U8, new long[] {576}, DataSource.of(tensor.data()));
    write(Map.of("w", tensor), List.of(first, data));
    boolean odd;
    try (SafetensorsFile opened = SafetensorsFile.open(file)) {
      odd = opened.tensor("w.data").data().address() % TiledTensor.ALIGNMENT != 0;
    }
    assertThat(odd).isTrue();
    assertThatThrownBy(this::readAll)
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContaining("w.data")
        .hasMessageContaining("multiple of 64 bytes; export the model with --format packed again");
  }

  @Test
  void damagedFilesAreRefusedInASentence() throws Exception {
    TiledTensor tensor = tiled(new PackedFormat(4, 32, false), 33, 32);
    MemorySegment less = tensor.data().asSlice(0, 576);
    Entry data = new Entry("w.data", DType.U8, new long[] {576}, DataSource.of(less), 64);
    write(Map.of("w", tensor), List.of(data));
    assertThatThrownBy(this::readAll)
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContaining("576 elements of U8 where its descriptor asks for 1152");

    write(Map.of("w", tensor), PackedFile.entries(Map.of("w", tensor)));
    byte[] whole = Files.readAllBytes(file);
    Files.write(file, Arrays.copyOf(whole, whole.length - 64));
    assertThatThrownBy(this::readAll)
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContaining("model.safetensors");
  }

  @Test
  void impossibleDescriptorsAreRefused() {
    String good =
        "{\"w\":{\"type\":\"tiled\",\"bits\":4,\"group_size\":32,\"mins\":false,"
            + "\"table\":false,\"exponent\":-9,\"shape\":[32,32]}}";
    Entry data = new Entry("w.data", DType.U8, new long[] {576}, DataSource.of(random()), 64);
    Map<String, String> damages =
        Map.of(
            "\"bits\":4", "\"bits\":9",
            "\"group_size\":32", "\"group_size\":48",
            "\"exponent\":-9", "\"exponent\":200",
            "\"shape\":[32,32]", "\"shape\":[32,31]",
            "\"bits\":4,\"group_size\":32,\"mins\":false,\"table\":false",
                "\"bits\":3,\"group_size\":32,\"mins\":false,\"table\":true");
    damages.forEach(
        (from, to) -> {
          String text = good.replace(from, to);
          assertThat(text).isNotEqualTo(good);
          Map<String, String> metadata = Map.of(PackedFile.METADATA, text);
          SafetensorsWriter.write(file, metadata, List.of(data), Progress.SILENT);
          assertThatThrownBy(this::readAll).as(to).isInstanceOf(ModelFormatException.class);
        });
  }

  private static MemorySegment random() {
    return tiled(new PackedFormat(4, 32, false), 32, 32).data();
  }

  private void write(Map<String, PackedTensor> described, List<Entry> entries) {
    SafetensorsWriter.write(file, PackedFile.metadata(described), entries, Progress.SILENT);
  }

  private Map<String, PackedTensor> readAll() {
    try (SafetensorsFile opened = SafetensorsFile.open(file)) {
      return PackedFile.readAll(opened);
    }
  }
}
