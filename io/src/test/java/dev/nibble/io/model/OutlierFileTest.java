package dev.nibble.io.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.core.ModelFormatException;
import dev.nibble.core.progress.Progress;
import dev.nibble.core.spec.ScaleFormat;
import dev.nibble.core.tensor.BilevelLayout;
import dev.nibble.core.tensor.BilevelLayout.Zeros;
import dev.nibble.core.tensor.BilevelTensor;
import dev.nibble.core.tensor.DType;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.core.tensor.OutlierTensor;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.io.safetensors.SafetensorsFile;
import dev.nibble.io.safetensors.SafetensorsWriter;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Coded scales and outliers in a file. */
class OutlierFileTest {
  @TempDir private Path directory;

  private static MemorySegment bytes(long count) {
    byte[] out = new byte[Math.toIntExact(count)];
    new Random(count).nextBytes(out);
    return MemorySegment.ofArray(out);
  }

  @Test
  void everyKindComesBackBitForBit() {
    Map<String, PackedTensor> tensors = new LinkedHashMap<>();
    for (Zeros zeros : Zeros.values()) {
      tensors.put("bilevel" + zeros, bilevel(zeros));
    }
    tensors.put("outliers", outliers(bilevel(Zeros.BILEVEL)));
    tensors.put("none", OutlierTensor.of(bilevel(Zeros.NONE), new boolean[200], new float[200]));
    Path path = directory.resolve("kinds.safetensors");
    SafetensorsWriter.write(
        path, PackedFile.metadata(tensors), PackedFile.entries(tensors), Progress.SILENT);
    try (SafetensorsFile file = SafetensorsFile.open(path)) {
      Map<String, PackedTensor> read = PackedFile.readAll(file);
      assertThat(read).containsOnlyKeys(tensors.keySet());
      tensors.forEach(
          (name, tensor) -> {
            PackedTensor back = read.get(name);
            assertThat(back.getClass()).isEqualTo(tensor.getClass());
            assertThat(back.byteSize()).isEqualTo(tensor.byteSize());
            assertThat(back.typeName()).isEqualTo(tensor.typeName());
            assertThat(back.toFloats()).as(name).isEqualTo(tensor.toFloats());
          });
    }
  }

  private static BilevelTensor bilevel(Zeros zeros) {
    BilevelLayout layout =
        new BilevelLayout(3, 16, 2, 4, zeros, zeros == Zeros.BILEVEL ? 2 : 0, ScaleFormat.BF16);
    return new BilevelTensor(
        new long[] {5, 40},
        layout,
        bytes(5 * layout.rowBytes(40)),
        bytes(5L * layout.scaleRowBytes(40)),
        bytes(2 * layout.stats(5, 40)),
        bytes(5L * layout.zeroRowBytes(40)),
        bytes(2 * layout.zeroStats(5, 40)));
  }

  private static OutlierTensor outliers(PackedTensor base) {
    boolean[] listed = new boolean[Math.toIntExact(base.elements())];
    listed[1] = true;
    listed[3 * base.columns() + 2] = true;
    float[] values = new float[listed.length];
    Arrays.fill(values, 1.5f);
    return OutlierTensor.of(base, listed, values);
  }

  @Test
  void listsOfOutliersThatDoNotFitAreRefusedByName() {
    PackedTensor base = DenseTensor.rounded(new float[200], DType.F16, 5, 40);
    Map<String, PackedTensor> tensors = Map.of("sparse", outliers(base));
    Path path = directory.resolve("outliers.safetensors");
    String text = PackedFile.metadata(tensors).get(PackedFile.METADATA);
    for (String[] change :
        new String[][] {
          {"\"count\":2", "\"count\":3", "sparse.columns"},
          {"\"type\":\"outliers\"", "\"type\":\"inliers\"", "newer version"},
          {"\"shape\":[5,40]}}", "\"shape\":[5,39]}}", "another shape"}
        }) {
      SafetensorsWriter.write(
          path,
          Map.of(PackedFile.METADATA, text.replace(change[0], change[1])),
          PackedFile.entries(tensors),
          Progress.SILENT);
      try (SafetensorsFile file = SafetensorsFile.open(path)) {
        assertThatThrownBy(() -> PackedFile.readAll(file))
            .as(change[1])
            .isInstanceOf(ModelFormatException.class)
            .hasMessageContaining(change[2]);
      }
    }
  }
}
