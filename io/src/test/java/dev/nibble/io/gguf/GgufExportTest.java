package dev.nibble.io.gguf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.core.NibbleException;
import dev.nibble.core.ggml.GgmlType;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.ModelConfig.Residual;
import dev.nibble.core.model.Rope;
import dev.nibble.core.model.RopeConfig;
import dev.nibble.core.model.RopeConfig.Scaling;
import dev.nibble.core.op.ActivationQuant;
import dev.nibble.core.op.OnlineTransform;
import dev.nibble.core.op.SiteOps;
import dev.nibble.core.progress.Progress;
import dev.nibble.core.spec.ScaleFormat;
import dev.nibble.core.tensor.AffineTensor;
import dev.nibble.core.tensor.BandedTensor;
import dev.nibble.core.tensor.DType;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.core.tensor.OutlierTensor;
import dev.nibble.core.tensor.PackedTensor;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class GgufExportTest {
  private static final RopeConfig ROPE = RopeConfig.plain(10000, 16);
  private static final String Q = "model.layers.0.self_attn.q_proj.weight";

  @TempDir Path directory;

  static List<ModelConfig> families() {
    return List.of(
        MapWeights.llama(2, 64, ROPE, false, true),
        MapWeights.llama(2, 64, ROPE, true, false),
        MapWeights.llama(2, 48, ROPE, false, false),
        MapWeights.config("mistral", 1, 64, 4, 4, ROPE, Residual.SEQUENTIAL, false, false),
        MapWeights.config("qwen2", 2, 64, 4, 2, ROPE, Residual.SEQUENTIAL, true, true),
        MapWeights.config("qwen3", 2, 64, 8, 2, ROPE, Residual.SEQUENTIAL, false, true),
        MapWeights.config("gpt2", 2, 64, 4, 4, ROPE, Residual.SEQUENTIAL, true, true),
        MapWeights.config(
            "gpt_neox", 2, 64, 4, 4, RopeConfig.plain(10000, 4), Residual.PARALLEL, true, false),
        MapWeights.config("gpt_neox", 1, 64, 4, 4, ROPE, Residual.SEQUENTIAL, true, false),
        MapWeights.config("falcon", 2, 64, 4, 1, ROPE, Residual.PARALLEL_SHARED_NORM, false, true),
        MapWeights.config("falcon", 2, 64, 4, 2, ROPE, Residual.PARALLEL, true, true),
        MapWeights.config("bloom", 2, 64, 4, 4, ROPE, Residual.SEQUENTIAL, true, true));
  }

  @ParameterizedTest
  @MethodSource("families")
  void everyFamilyReturnsUnchanged(ModelConfig config) {
    MapWeights model = MapWeights.random(config, 1);
    try (GgufModel back = export(model, GgufExportOptions.asStored())) {
      assertThat(back.names()).containsExactlyInAnyOrderElementsOf(model.names());
      for (String name : model.names()) {
        assertThat(back.tensor(name).shape()).as(name).isEqualTo(model.tensor(name).shape());
        assertThat(back.tensor(name).toFloats()).as(name).isEqualTo(model.tensor(name).toFloats());
      }
      assertThat(back.config())
          .usingRecursiveComparison()
          .ignoringFields("family", "bosId", "eosIds", "rope")
          .isEqualTo(config);
      assertThat(back.config().rope().dim()).isEqualTo(config.rope().dim());
    }
  }

  @Test
  void storedTypesAreKept() {
    MapWeights model = MapWeights.random(MapWeights.llama(1, 64, ROPE, false, true), 2);
    for (DType dtype : List.of(DType.BF16, DType.F16)) {
      MapWeights rounded = model;
      for (String name : model.names()) {
        PackedTensor t = model.tensor(name);
        rounded = rounded.with(name, DenseTensor.rounded(t.toFloats(), dtype, t.shape()));
      }
      try (GgufModel back = export(rounded, GgufExportOptions.asStored())) {
        assertThat(back.tensor(Q).typeName()).isEqualTo(dtype.name().toLowerCase(Locale.ROOT));
        for (String name : model.names()) {
          assertThat(back.tensor(name).toFloats()).isEqualTo(rounded.tensor(name).toFloats());
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource(GgufMix.class)
  void everyMixIsReadableAndClose(GgufMix mix) {
    MapWeights model = MapWeights.random(MapWeights.llama(2, 256, ROPE, false, true), 3);
    GgufExportOptions options = GgufExportOptions.of(mix);
    if (mix.needsImportance()) {
      assertThatThrownBy(() -> GgufExport.plan(model, options))
          .isInstanceOf(NibbleException.class)
          .hasMessageContaining("importance matrix");
      float[] ones = new float[256];
      Arrays.fill(ones, 1);
      assertThat(types(model, options.withImportance(Map.of("blk.0.attn_q.weight", ones))))
          .containsEntry("blk.0.attn_q.weight", GgmlType.Q2_K);
      return;
    }
    try (GgufModel back = export(model, options)) {
      assertThat(back.file().metadata().get("general.file_type")).isEqualTo((long) mix.fileType());
      for (String name : List.of(Q, "model.layers.1.mlp.up_proj.weight")) {
        float[] x = model.tensor(name).toFloats();
        float[] y = back.tensor(name).toFloats();
        double error = 0;
        for (int i = 0; i < x.length; i++) {
          error += (x[i] - y[i]) * (double) (x[i] - y[i]);
        }
        double allowed = mix.name().startsWith("TQ") ? 0.9 : 0.4;
        assertThat(Math.sqrt(error / x.length)).isLessThan(allowed);
      }
    }
  }

  @Test
  void mixRulesChooseTypes() {
    MapWeights model = MapWeights.random(MapWeights.llama(8, 256, ROPE, false, false), 4);
    Map<String, GgmlType> types = types(model, GgufExportOptions.of(GgufMix.Q4_K_M));
    assertThat(types)
        .containsEntry("output.weight", GgmlType.Q6_K)
        .containsEntry("token_embd.weight", GgmlType.Q4_K)
        .containsEntry("output_norm.weight", GgmlType.F32)
        .containsEntry("blk.0.attn_v.weight", GgmlType.Q6_K)
        .containsEntry("blk.1.attn_v.weight", GgmlType.Q4_K)
        .containsEntry("blk.3.ffn_down.weight", GgmlType.Q6_K)
        .containsEntry("blk.7.ffn_down.weight", GgmlType.Q6_K)
        .containsEntry("blk.0.attn_q.weight", GgmlType.Q4_K);
    types =
        types(
            model,
            GgufExportOptions.of(GgufMix.Q4_K_M)
                .withTensorTypes(
                    Map.of("ffn_down", GgmlType.Q8_0, "blk.1.ffn_down", GgmlType.F16)));
    assertThat(types)
        .containsEntry("blk.0.ffn_down.weight", GgmlType.Q8_0)
        .containsEntry("blk.1.ffn_down.weight", GgmlType.F16);
  }

  @Test
  void rowsThatDoNotFitTakeASmallerBlockAndSaySo() {
    MapWeights model = MapWeights.random(MapWeights.llama(1, 64, ROPE, false, true), 5);
    Map<String, GgmlType> types = types(model, GgufExportOptions.of(GgufMix.Q4_K_S));
    assertThat(types)
        .containsEntry("blk.0.attn_q.weight", GgmlType.Q5_0)
        .containsEntry("token_embd.weight", GgmlType.Q8_0);
    MapWeights odd = MapWeights.random(MapWeights.llama(1, 48, ROPE, false, true), 5);
    assertThat(types(odd, GgufExportOptions.of(GgufMix.Q4_0)))
        .containsEntry("blk.0.attn_q.weight", GgmlType.F16);
  }

  @Test
  void threadsDoNotChangeTheBytes() {
    MapWeights model = MapWeights.random(MapWeights.llama(1, 256, ROPE, false, true), 6);
    GgufExportOptions options = GgufExportOptions.of(GgufMix.Q4_K_M);
    Path one = directory.resolve("one.gguf");
    Path three = directory.resolve("three.gguf");
    GgufExport.write(model, Map.of(), options, one, Progress.SILENT);
    GgufExport.write(model, Map.of(), options.withThreads(3), three, Progress.SILENT);
    assertThat(one).hasSameBinaryContentAs(three);
  }

  @Test
  void ggufIsCopiedBlockByBlock() {
    MapWeights model = MapWeights.random(MapWeights.llama(2, 256, ROPE, false, true), 7);
    try (GgufModel quantized = export(model, GgufExportOptions.of(GgufMix.Q4_K_M))) {
      Path copy = directory.resolve("copy.gguf");
      GgufExport.write(quantized, Map.of(), GgufExportOptions.asStored(), copy, Progress.SILENT);
      try (GgufModel again = GgufModel.open(copy)) {
        for (String name : model.names()) {
          assertThat(again.tensor(name).typeName()).isEqualTo(quantized.tensor(name).typeName());
          assertThat(again.tensor(name).toFloats()).isEqualTo(quantized.tensor(name).toFloats());
        }
      }
      assertThatThrownBy(() -> GgufExport.plan(quantized, GgufExportOptions.of(GgufMix.Q8_0)))
          .isInstanceOf(NibbleException.class)
          .hasMessageContaining("round it twice");
      assertThat(
              GgufExport.plan(quantized, GgufExportOptions.of(GgufMix.Q8_0).withRequantization()))
          .isNotEmpty();
    }
  }

  @Test
  void symmetricIntegersAreRepackedExactly() {
    MapWeights model = MapWeights.random(MapWeights.llama(1, 64, ROPE, false, true), 8);
    Map<Integer, String> expected = Map.of(3, "q4_0", 4, "q4_0", 5, "q5_0", 8, "q8_0");
    expected.forEach(
        (bits, type) -> {
          AffineTensor packed = affine(64, 64, bits, 32, ScaleFormat.FP16);
          try (GgufModel back = export(model.with(Q, packed), GgufExportOptions.asStored())) {
            assertThat(back.tensor(Q).typeName()).isEqualTo(type);
            assertThat(back.tensor(Q).toFloats()).isEqualTo(packed.toFloats());
          }
        });
  }

  @Test
  void whatNoBlockHoldsExactlyIsRefused() {
    MapWeights model = MapWeights.random(MapWeights.llama(1, 64, ROPE, false, true), 9);
    MapWeights narrow = model.with(Q, affine(64, 64, 4, 16, ScaleFormat.FP16));
    assertThatThrownBy(() -> export(narrow, GgufExportOptions.asStored()))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("blk.0.attn_q.weight")
        .hasMessageContaining("int4:g16");
    MapWeights fine = model.with(Q, affine(64, 64, 4, 32, ScaleFormat.FP32));
    assertThatThrownBy(() -> export(fine, GgufExportOptions.asStored()))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("would change from");
    int[] turned = {1, 0};
    PackedTensor half = affine(32, 64, 4, 32, ScaleFormat.FP16);
    MapWeights banded =
        model.with(
            Q,
            BandedTensor.of(
                new long[] {64, 64}, BandedTensor.Axis.ROWS, List.of(half, half), 32, turned));
    assertThatThrownBy(() -> export(banded, GgufExportOptions.asStored()))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("is stored as rows(int4:g32:sym), which no GGUF type holds exactly");
    MapWeights sparse =
        model.with(
            Q,
            OutlierTensor.of(
                affine(64, 64, 4, 32, ScaleFormat.FP16), new boolean[64 * 64], new float[64 * 64]));
    assertThatThrownBy(() -> export(sparse, GgufExportOptions.asStored()))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("is stored as int4:g32:sym+sparse, which no GGUF type holds exactly");
  }

  @Test
  void runTimePartsAreRefusedByName() {
    MapWeights plain = MapWeights.random(MapWeights.llama(1, 64, ROPE, false, true), 10);
    SiteOps rotated = new SiteOps(List.of(new OnlineTransform.Hadamard(64)), Optional.empty());
    SiteOps rounded = new SiteOps(List.of(), Optional.of(ActivationQuant.perToken(8)));
    String site = "model.layers.0.mlp.down_proj";
    assertThatThrownBy(() -> plan(plain, Map.of(site, rotated)))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("transform at " + site);
    assertThatThrownBy(() -> plan(plain, Map.of(site, rounded)))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("activation quantizer at " + site);
    SiteOps turned =
        new SiteOps(List.of(), Optional.empty(), List.of(new OnlineTransform.Hadamard(64)));
    assertThatThrownBy(() -> plan(plain, Map.of(site, turned)))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("transform at " + site);
    assertThat(plan(plain, Map.of(site, SiteOps.NONE))).isNotEmpty();
  }

  @Test
  void contextExtensionSurvives() {
    double[] longer = new double[8];
    Arrays.setAll(longer, i -> 1 + 0.5 * i);
    double[] shorter = new double[8];
    Arrays.fill(shorter, 1);
    List<RopeConfig> rules =
        List.of(
            rope(Scaling.LINEAR, 4, 0, 0, new double[0], new double[0]),
            rope(Scaling.LLAMA3, 8, 16, 0, new double[0], new double[0]),
            rope(Scaling.YARN, 4, 16, 0, new double[0], new double[0]),
            rope(Scaling.LONGROPE, 4, 16, 1.25, shorter, longer));
    for (RopeConfig rope : rules) {
      MapWeights model = MapWeights.random(MapWeights.llama(1, 64, rope, false, true), 11);
      try (GgufModel back = export(model, GgufExportOptions.asStored())) {
        for (int length : new int[] {8, 60}) {
          double[] expected = Rope.inverseFrequencies(rope, 64, length);
          double[] found = Rope.inverseFrequencies(back.config().rope(), 64, length);
          for (int i = 0; i < 8; i++) {
            assertThat(found[i]).isCloseTo(expected[i], within(1e-6 * expected[i]));
          }
        }
        assertThat(Rope.attentionFactor(back.config().rope(), 64))
            .isCloseTo(Rope.attentionFactor(rope, 64), within(1e-6));
      }
    }
    RopeConfig dynamic = rope(Scaling.DYNAMIC, 4, 16, 0, new double[0], new double[0]);
    MapWeights refused = MapWeights.random(MapWeights.llama(1, 64, dynamic, false, true), 12);
    assertThatThrownBy(() -> export(refused, GgufExportOptions.asStored()))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("dynamic NTK");
  }

  private static RopeConfig rope(
      Scaling scaling,
      double factor,
      int original,
      double attention,
      double[] shorter,
      double[] longer) {
    return new RopeConfig(
        10000, 16, scaling, factor, 1, 4, original, 32, 1, attention, shorter, longer);
  }

  private static List<GgufExport.Planned> plan(MapWeights model, Map<String, SiteOps> ops) {
    return GgufExport.plan(
        new MapWeights(model.config(), model.tensors(), ops), GgufExportOptions.asStored());
  }

  private static Map<String, GgmlType> types(MapWeights model, GgufExportOptions options) {
    return GgufExport.plan(model, options).stream()
        .collect(Collectors.toMap(GgufExport.Planned::name, GgufExport.Planned::type));
  }

  private GgufModel export(MapWeights model, GgufExportOptions options) {
    Path file = directory.resolve("model.gguf");
    GgufExport.write(model, Map.of(), options, file, Progress.SILENT);
    return GgufModel.open(file);
  }

  /** Random symmetric codes with group scales. */
  private static AffineTensor affine(
      int rows, int columns, int bits, int group, ScaleFormat format) {
    Random random = new Random(bits);
    byte[] codes = new byte[(int) (rows * AffineTensor.rowStride(columns, bits))];
    random.nextBytes(codes);
    float[] scales = new float[rows * columns / group];
    for (int i = 0; i < scales.length; i++) {
      scales[i] = 0.01f + random.nextFloat();
    }
    DType dtype = format == ScaleFormat.FP16 ? DType.F16 : DType.F32;
    DenseTensor stored = DenseTensor.rounded(scales, dtype, scales.length);
    return new AffineTensor(
        new long[] {rows, columns},
        bits,
        group,
        format,
        MemorySegment.ofArray(codes),
        stored.data(),
        null,
        null);
  }
}
