package dev.nibble.io.interop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.nibble.core.NibbleException;
import dev.nibble.core.op.ActivationQuant;
import dev.nibble.core.op.OnlineTransform;
import dev.nibble.core.op.SiteOps;
import dev.nibble.core.progress.Progress;
import dev.nibble.core.rounding.RoundToNearest;
import dev.nibble.core.rounding.RoundingOptions;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.tensor.AffineTensor;
import dev.nibble.core.tensor.BandedTensor;
import dev.nibble.core.tensor.DType;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.core.tensor.OutlierTensor;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.core.testing.FamilyFixtures;
import dev.nibble.io.interop.HuggingFaceExport.Format;
import dev.nibble.io.model.OpenedModel;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class HuggingFaceExportTest {
  private static final String DOWN = "model.layers.0.mlp.down_proj";

  @TempDir Path root;
  private Path plain;
  private Path artefact;
  private Path exported;

  @BeforeEach
  void makeModel() throws IOException {
    plain = InteropModel.plain(root.resolve("plain"));
    artefact = root.resolve("artefact");
    exported = Files.createDirectory(root.resolve("exported"));
  }

  private static boolean isLinear(String name) {
    return name.endsWith("_proj.weight");
  }

  private long[] shape(String name) {
    try (OpenedModel model = OpenedModel.open(plain)) {
      return model.weights().tensor(name).shape();
    }
  }

  private void quantize(String spec, boolean ordered, int leastZero) {
    quantize(
        Map.of(),
        name ->
            isLinear(name)
                ? InteropModel.random(shape(name), spec, ordered, leastZero, name.hashCode())
                : null);
  }

  private void quantize(Map<String, SiteOps> ops, Function<String, PackedTensor> tensor) {
    InteropModel.write(plain, artefact, ops, tensor);
  }

  private List<String> export(Format format) {
    try (OpenedModel model = OpenedModel.open(artefact)) {
      return HuggingFaceExport.write(model, format, DType.BF16, exported, Progress.SILENT);
    }
  }

  private void assertSame() {
    try (OpenedModel before = OpenedModel.open(artefact);
        OpenedModel after = OpenedModel.open(exported)) {
      assertThat(after.kind()).isEqualTo(OpenedModel.Kind.HUGGING_FACE);
      assertThat(after.weights().names()).isEqualTo(before.weights().names());
      assertThat(after.weights().siteOps()).isEqualTo(before.weights().siteOps());
      for (String name : before.weights().names()) {
        assertSame(name, before.weights().tensor(name), after.weights().tensor(name));
      }
    }
  }

  private static void assertSame(String name, PackedTensor before, PackedTensor after) {
    assertThat(after.typeName()).as(name).isEqualTo(before.typeName());
    switch (before) {
      case AffineTensor a -> {
        AffineTensor b = (AffineTensor) after;
        assertBytes(name + " codes", a.codes(), b.codes());
        assertBytes(name + " scales", a.scales(), b.scales());
        assertBytes(name + " zeros", a.zeros(), b.zeros());
        assertBytes(name + " group index", a.groupIndex(), b.groupIndex());
      }
      case DenseTensor a -> assertBytes(name, a.data(), ((DenseTensor) after).data());
      default -> throw new AssertionError(name);
    }
  }

  private static void assertBytes(String what, MemorySegment a, MemorySegment b) {
    assertThat(b == null).as(what).isEqualTo(a == null);
    if (a != null) {
      assertThat(a.mismatch(b)).as(what).isEqualTo(-1);
    }
  }

  private JsonNode quantizationConfig() throws IOException {
    return new ObjectMapper()
        .readTree(exported.resolve("config.json").toFile())
        .get("quantization_config");
  }

  @ParameterizedTest
  @CsvSource({
    "int2:g32:asym, false",
    "int3:g32:asym, true",
    "int4:g16:asym, false",
    "int4:g32:sym, true",
    "int4:g64:asym, false",
    "int8:channel:sym, false",
    "int3:channel:asym:bf16, false"
  })
  void gptqKeepsEveryBit(String spec, boolean ordered) throws IOException {
    quantize(spec, ordered, 1);
    assertThat(export(Format.GPTQ)).isEmpty();
    assertThat(quantizationConfig().get("checkpoint_format").asText()).isEqualTo("gptq");
    assertThat(quantizationConfig().get("desc_act").asBoolean()).isEqualTo(ordered);
    assertThat(quantizationConfig().has("dynamic")).isFalse();
    assertSame();
  }

  @Test
  void gptqStoresZeroPointsFromZeroInItsSecondFormat() throws IOException {
    quantize("int4:g32:asym", false, 0);
    assertThat(export(Format.GPTQ)).singleElement().asString().contains("gptq_v2");
    assertThat(quantizationConfig().get("checkpoint_format").asText()).isEqualTo("gptq_v2");
    assertSame();
  }

  @Test
  void gptqNamesModulesThatDiffer() throws IOException {
    quantize(
        Map.of(),
        name ->
            switch (name) {
              case DOWN + ".weight" -> InteropModel.random(shape(name), "int8:g32:sym", true, 1, 2);
              case "model.layers.0.mlp.up_proj.weight" -> null;
              case "lm_head.weight" -> InteropModel.random(shape(name), "int4:g16", false, 1, 3);
              default ->
                  isLinear(name)
                      ? InteropModel.random(shape(name), "int4:g16", false, 1, name.hashCode())
                      : null;
            });
    assertThat(export(Format.GPTQ)).singleElement().asString().contains("dynamic");
    JsonNode config = quantizationConfig();
    assertThat(config.get("lm_head").asBoolean()).isTrue();
    assertThat(config.get("dynamic").toString())
        .isEqualTo(
            "{\"-:^model\\\\.layers\\\\.0\\\\.mlp\\\\.up_proj$\":{},"
                + "\"+:^model\\\\.layers\\\\.0\\\\.mlp\\\\.down_proj$\":"
                + "{\"bits\":8,\"group_size\":32,\"sym\":true}}");
    assertSame();
  }

  @ParameterizedTest
  @ValueSource(strings = {"int4:g32:asym", "int4:g16:sym", "int4:channel:asym"})
  void awqKeepsEveryBit(String spec) throws IOException {
    quantize(spec, false, 0);
    assertThat(export(Format.AWQ)).isEmpty();
    assertThat(quantizationConfig().get("modules_to_not_convert").toString())
        .isEqualTo("[\"lm_head\"]");
    assertSame();
  }

  @ParameterizedTest
  @CsvSource({
    "int2:g32:asym, false",
    "int3:g32:asym:bf16, true",
    "int4:g16:asym, false",
    "int4:g32:sym:fp32, true",
    "int5:g32:asym, false",
    "int6:channel:sym, false",
    "int7:channel:asym, false",
    "int8:channel:sym, false"
  })
  void compressedTensorsKeepEveryBit(String spec, boolean ordered) throws IOException {
    quantize(spec, ordered, 0);
    export(Format.COMPRESSED_TENSORS);
    assertThat(quantizationConfig().get("format").asText()).isEqualTo("pack-quantized");
    assertThat(quantizationConfig().get("ignore").toString()).isEqualTo("[\"lm_head\"]");
    assertSame();
  }

  @Test
  void compressedTensorsCarryInputQuantizersAndMixedSchemes() throws IOException {
    SiteOps w8a8 = new SiteOps(List.of(), Optional.of(ActivationQuant.perToken(8)));
    quantize(
        Map.of(DOWN, w8a8),
        name ->
            isLinear(name)
                ? InteropModel.random(
                    shape(name),
                    name.startsWith(DOWN) ? "int8:channel:asym" : "int4:g32:sym",
                    false,
                    0,
                    name.hashCode())
                : null);
    export(Format.COMPRESSED_TENSORS);
    assertThat(quantizationConfig().get("format").asText()).isEqualTo("mixed-precision");
    assertThat(quantizationConfig().get("config_groups")).hasSize(2);
    assertSame();
  }

  @Test
  void scalesOfTheWholeTensorAreRepeated() {
    quantize("int8:tensor:asym", false, 1);
    for (Format format : List.of(Format.GPTQ, Format.COMPRESSED_TENSORS)) {
      export(format);
      assertValuesSame();
    }
  }

  private void assertValuesSame() {
    try (OpenedModel before = OpenedModel.open(artefact);
        OpenedModel after = OpenedModel.open(exported)) {
      for (String name : before.weights().names()) {
        assertThat(after.weights().tensor(name).toFloats())
            .as(name)
            .isEqualTo(before.weights().tensor(name).toFloats());
      }
    }
  }

  @Test
  void plainValuesAreRoundedOnceAndSaidSo() {
    quantize("int4:g32:asym", false, 0);
    assertThat(export(Format.SAFETENSORS)).containsExactly("7 tensors were converted to bf16");
    try (OpenedModel before = OpenedModel.open(artefact);
        OpenedModel after = OpenedModel.open(exported)) {
      for (String name : before.weights().names()) {
        float[] values = before.weights().tensor(name).toFloats();
        DenseTensor rounded = DenseTensor.rounded(values, DType.BF16, values.length);
        assertBytes(name, rounded.data(), ((DenseTensor) after.weights().tensor(name)).data());
      }
    }
  }

  /** Fused, interleaved and transposed tensors go back where they came from. */
  @ParameterizedTest
  @ValueSource(
      strings = {"llama-bias-tied", "qwen3", "opt", "gpt_neox", "gpt2", "falcon-new", "bloom"})
  void everyFamilyIsWrittenAsItsOwn(String family) {
    Path source = FamilyFixtures.of(family).directory();
    try (OpenedModel before = OpenedModel.open(source)) {
      List<String> notes =
          HuggingFaceExport.write(before, Format.SAFETENSORS, DType.F32, exported, Progress.SILENT);
      assertThat(notes).isEmpty();
      try (OpenedModel after = OpenedModel.open(exported)) {
        for (String name : before.weights().names()) {
          assertThat(after.weights().tensor(name).toFloats())
              .as(name)
              .isEqualTo(before.weights().tensor(name).toFloats());
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"gpt_neox", "gpt2", "falcon-new", "bloom", "opt"})
  void fusedLinearsKeepTheirCodes(String family) {
    plain = FamilyFixtures.of(family).directory();
    quantize(
        Map.of(),
        name -> {
          if (!isLinear(name)) {
            return null;
          }
          try (OpenedModel model = OpenedModel.open(plain)) {
            return RoundToNearest.quantize(
                model.weights().tensor(name).toFloats(),
                shape(name),
                QuantSpec.parse("int4:g8:asym"),
                RoundingOptions.DEFAULT);
          }
        });
    export(Format.COMPRESSED_TENSORS);
    assertSame();
  }

  @Test
  void whatDoesNotFitIsRefusedByName() {
    quantize("int5:g32:asym", false, 1);
    refused(Format.GPTQ, "q_proj (int5:g32:asym) does not fit GPTQ", "2, 3, 4 or 8 bits");
    refused(Format.AWQ, "q_proj (int5:g32:asym) does not fit AWQ", "4 bits");
    quantize("int4:g32:asym", true, 1);
    refused(Format.AWQ, "column order", "act_order");
    quantize("int4:g32:sym:fp32", false, 1);
    refused(Format.GPTQ, "scales are fp16");
    quantize("nf4:g32");
    refused(Format.COMPRESSED_TENSORS, "q_proj.weight is stored as nf4:g32", "cannot hold");
    quantize(Map.of(), name -> isLinear(name) ? banded(shape(name)) : null);
    refused(Format.GPTQ, "q_proj.weight is stored as rows(int4:g32:asym", "cannot hold");
    quantize(Map.of(), name -> isLinear(name) ? sparse(shape(name)) : null);
    refused(Format.AWQ, "q_proj.weight is stored as int4:g32:asym+sparse", "cannot hold");
    SiteOps rotated = new SiteOps(List.of(new OnlineTransform.Hadamard(96)), Optional.empty());
    SiteOps turned =
        new SiteOps(List.of(), Optional.empty(), List.of(new OnlineTransform.BlockHadamard(4)));
    for (SiteOps ops : List.of(rotated, turned)) {
      quantize(
          Map.of(DOWN, ops),
          name ->
              isLinear(name) ? InteropModel.random(shape(name), "int4:g32", false, 1, 1) : null);
      for (Format format : Format.values()) {
        refused(format, DOWN, "transform");
      }
    }
  }

  /** Codes without any value apart. */
  private static PackedTensor sparse(long[] shape) {
    int count = Math.toIntExact(shape[0] * shape[1]);
    return OutlierTensor.of(
        InteropModel.random(shape, "int4:g32", false, 1, 1), new boolean[count], new float[count]);
  }

  /** Half of the rows in 4 bits, half in 8. */
  private static PackedTensor banded(long[] shape) {
    long[] half = {shape[0] / 2, shape[1]};
    int[] turned = {1, 0};
    return BandedTensor.of(
        shape,
        BandedTensor.Axis.ROWS,
        List.of(
            InteropModel.random(half, "int4:g32", false, 1, 1),
            InteropModel.random(half, "int8:channel", false, 1, 1)),
        (int) half[0],
        turned);
  }

  private void quantize(String tableSpec) {
    quantize(
        Map.of(),
        name ->
            isLinear(name)
                ? RoundToNearest.quantize(
                    new float[(int) (shape(name)[0] * shape(name)[1])],
                    shape(name),
                    QuantSpec.parse(tableSpec),
                    RoundingOptions.DEFAULT)
                : null);
  }

  @Test
  void mixedGroupsDoNotFitAwq() {
    quantize(
        Map.of(),
        name ->
            isLinear(name)
                ? InteropModel.random(
                    shape(name), name.startsWith(DOWN) ? "int4:g16" : "int4:g32", false, 1, 1)
                : null);
    refused(Format.AWQ, DOWN + " (int4:g16:asym)", "one group size");
  }

  @Test
  void quantizedEmbeddingsAndPlainModelsAreRefused() {
    String embedding = "model.embed_tokens.weight";
    quantize(
        Map.of(),
        name ->
            name.equals(embedding)
                ? InteropModel.random(shape(name), "int8:channel", false, 1, 1)
                : null);
    refused(Format.COMPRESSED_TENSORS, embedding, "embeddings");
    quantize(Map.of(), name -> null);
    refused(Format.GPTQ, "no quantized linear");
  }

  private void refused(Format format, String... message) {
    assertThatThrownBy(() -> export(format))
        .isInstanceOf(NibbleException.class)
        .hasMessageContainingAll(message);
    assertThat(exported).isEmptyDirectory();
  }
}
