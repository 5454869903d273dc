package dev.nibble.core.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.core.rounding.RoundToNearest;
import dev.nibble.core.rounding.RoundingOptions;
import dev.nibble.core.spec.QuantSpec;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The bytes of every stored type, as an independent implementation of the layouts wrote them. A
 * file here never changes: artefacts with these bytes exist.
 */
class GoldenTensorTest {
  private static final int ROWS = 3;
  private static final int COLUMNS = 20;

  @ParameterizedTest
  @ValueSource(strings = {"affine-asym", "affine-sym"})
  void affine(String name) throws IOException {
    Map<String, String> golden = read(name);
    AffineTensor t = (AffineTensor) quantize(golden);
    assertThat(hex(t.codes())).isEqualTo(golden.get("codes"));
    assertThat(hex(t.scales())).isEqualTo(golden.get("scales"));
    assertThat(t.zeros() == null ? null : hex(t.zeros())).isEqualTo(golden.get("zeros"));
    requireValues(t, golden);
    for (int c = 0; c < COLUMNS; c++) {
      int group = t.groupOf(c);
      float value = t.scale(2, group) * (t.code(2, c) - t.zero(2, group));
      assertThat(value).isEqualTo(t.toFloats()[2 * COLUMNS + c]);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"table-nf4", "table-mxfp4", "table-nvfp4"})
  void table(String name) throws IOException {
    Map<String, String> golden = read(name);
    TableTensor t = (TableTensor) quantize(golden);
    assertThat(hex(t.codes())).isEqualTo(golden.get("codes"));
    assertThat(hex(t.scales())).isEqualTo(golden.get("scales"));
    assertThat(hex(floats(t.levels()))).isEqualTo(golden.get("levels"));
    requireValues(t, golden);
  }

  @ParameterizedTest
  @ValueSource(strings = {"dense-f16", "dense-bf16"})
  void dense(String name) throws IOException {
    Map<String, String> golden = read(name);
    DType dtype = DType.valueOf(golden.get("spec").toUpperCase(Locale.ROOT));
    DenseTensor t = DenseTensor.rounded(values(), dtype, ROWS, COLUMNS);
    assertThat(hex(t.data())).isEqualTo(golden.get("data"));
    requireValues(t, golden);
  }

  @ParameterizedTest
  @ValueSource(strings = {"codebook-additive", "codebook-multi"})
  void codebook(String name) throws IOException {
    Map<String, String> golden = read(name);
    boolean multi = name.equals("codebook-multi");
    CodebookLayout layout =
        multi
            ? new CodebookLayout(1, 3, 1, 3, true, CodebookLayout.Scales.GROUP)
            : CodebookLayout.additive(2, 5, 8);
    int[] codes = new int[ROWS * layout.codes(COLUMNS)];
    for (int i = 0; i < codes.length; i++) {
      codes[i] = (7 * i + 3) % layout.codewords();
    }
    float[] words = new float[(int) layout.elements()];
    for (int i = 0; i < words.length; i++) {
      words[i] = ((i * 29 + 5) % 97 - 48) / 32f;
    }
    float[] scales = {1.5f, -0.25f, 0.75f};
    CodebookTensor t =
        CodebookPacker.pack(
            new long[] {ROWS, COLUMNS}, layout, codes, words, scales, new int[] {2, 0, 1});
    assertThat(hex(t.codes())).isEqualTo(golden.get("codes"));
    assertThat(hex(t.codewords())).isEqualTo(golden.get("codewords"));
    assertThat(hex(t.scales())).isEqualTo(golden.get("scales"));
    assertThat(hex(t.classes())).isEqualTo(golden.getOrDefault("classes", ""));
    requireValues(t, golden);
  }

  private static PackedTensor quantize(Map<String, String> golden) {
    return RoundToNearest.quantize(
        values(),
        new long[] {ROWS, COLUMNS},
        QuantSpec.parse(golden.get("spec")),
        RoundingOptions.DEFAULT);
  }

  private static void requireValues(PackedTensor t, Map<String, String> golden) {
    assertThat(hex(floats(t.toFloats()))).isEqualTo(golden.get("values"));
    assertThat(t.typeName()).isEqualTo(golden.get("spec"));
  }

  private static float[] values() {
    float[] w = new float[ROWS * COLUMNS];
    for (int i = 0; i < w.length; i++) {
      w[i] = ((i * 37 + 11) % 101 - 50) / 64f * (1 + i / COLUMNS);
    }
    return w;
  }

  private static MemorySegment floats(float[] values) {
    return DenseTensor.rounded(values, DType.F32, values.length).data();
  }

  private static String hex(MemorySegment data) {
    return HexFormat.of().formatHex(data.toArray(ValueLayout.JAVA_BYTE));
  }

  private static Map<String, String> read(String name) throws IOException {
    Map<String, String> fields = new HashMap<>();
    try (InputStream in = GoldenTensorTest.class.getResourceAsStream("/golden/" + name + ".txt")) {
      for (String line : new String(in.readAllBytes(), StandardCharsets.UTF_8).split("\n")) {
        fields.put(line.substring(0, line.indexOf(' ')), line.substring(line.indexOf(' ') + 1));
      }
    }
    return fields;
  }
}
