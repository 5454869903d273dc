package dev.nibble.io.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.nibble.core.ModelFormatException;
import dev.nibble.core.ggml.GgmlType;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.op.ActivationQuant;
import dev.nibble.core.op.OnlineTransform;
import dev.nibble.core.op.SiteOps;
import dev.nibble.core.progress.Progress;
import dev.nibble.core.spec.ScaleFormat;
import dev.nibble.core.tensor.AffineTensor;
import dev.nibble.core.tensor.BandedTensor;
import dev.nibble.core.tensor.BandedTensor.Axis;
import dev.nibble.core.tensor.CodebookLayout;
import dev.nibble.core.tensor.CodebookPacker;
import dev.nibble.core.tensor.DType;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.core.tensor.GgmlTensor;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.core.tensor.TableTensor;
import dev.nibble.core.testing.FamilyFixtures;
import dev.nibble.core.transform.SeededOrthogonal.Form;
import dev.nibble.io.gguf.GgufExport;
import dev.nibble.io.gguf.GgufExportOptions;
import dev.nibble.io.gguf.GgufValue;
import dev.nibble.io.safetensors.SafetensorsFile;
import dev.nibble.io.safetensors.SafetensorsWriter;
import dev.nibble.io.token.ChatTemplate.Message;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.SequencedMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NibbleArtefactTest {
  @TempDir Path directory;

  private static MemorySegment random(long bytes) {
    byte[] out = new byte[(int) bytes];
    new Random(bytes).nextBytes(out);
    return MemorySegment.ofArray(out);
  }

  private static MemorySegment scales(ScaleFormat format, int count) {
    MemorySegment out = random((long) count * format.bytes());
    // Clearing the top bit and the next keeps every format finite and positive.
    for (int i = format.bytes() - 1; i < out.byteSize(); i += format.bytes()) {
      out.set(ValueLayout.JAVA_BYTE, i, (byte) (out.get(ValueLayout.JAVA_BYTE, i) & 0x3f));
    }
    return out;
  }

  private static AffineTensor affine(
      int bits, int columns, int group, ScaleFormat format, boolean zeros, boolean index) {
    int groups = group == 0 ? 1 : Math.ceilDiv(columns, group);
    int count = group == 0 ? 1 : 5 * groups;
    MemorySegment groupIndex = null;
    if (index) {
      groupIndex = MemorySegment.ofArray(new byte[4 * columns]);
      for (int c = 0; c < columns; c++) {
        groupIndex.set(ValueLayout.JAVA_BYTE, 4L * c, (byte) ((columns - 1 - c) % groups));
      }
    }
    return new AffineTensor(
        new long[] {5, columns},
        bits,
        group,
        format,
        random(5 * AffineTensor.rowStride(columns, bits)),
        scales(format, count),
        zeros ? random((count * (long) bits + 31) / 32 * 4) : null,
        groupIndex);
  }

  private static Map<String, PackedTensor> everyKind() {
    Map<String, PackedTensor> out = new LinkedHashMap<>();
    for (int bits = 1; bits <= 8; bits++) {
      out.put("affine" + bits, affine(bits, 37, 16, ScaleFormat.FP16, true, false));
    }
    for (ScaleFormat format : ScaleFormat.values()) {
      out.put("scale" + format, affine(4, 32, 32, format, false, false));
    }
    out.put("tensor", affine(4, 32, 0, ScaleFormat.FP32, true, false));
    out.put("ordered", affine(3, 40, 8, ScaleFormat.BF16, true, true));
    out.put(
        "table",
        new TableTensor(
            new long[] {5, 20},
            "nf4",
            new float[] {
              -1, -.7f, -.5f, -.4f, -.3f, -.2f, -.1f, 0, .1f, .2f, .3f, .4f, .5f, .6f, .8f, 1
            },
            4,
            8,
            ScaleFormat.FP16,
            random(5 * AffineTensor.rowStride(20, 4)),
            scales(ScaleFormat.FP16, 15)));
    out.put("dense", DenseTensor.rounded(new float[] {1, 2, 3, 4, 5, 6}, DType.BF16, 3, 2));
    int[] codes = {1, 5, 0, 7, 3, 3, 2, 6, 4, 1, 0, 0};
    float[] words = new float[2 * 2 * 8 * 4];
    for (int i = 0; i < words.length; i++) {
      words[i] = i / 16f - 3;
    }
    out.put(
        "codebook",
        CodebookPacker.pack(
            new long[] {3, 7},
            new CodebookLayout(2, 3, 4, 2, true, CodebookLayout.Scales.ROW),
            codes,
            words,
            new float[] {1, .5f, 2},
            new int[] {0, 1, 1}));
    out.put(
        "levels",
        CodebookPacker.pack(
            new long[] {2, 3},
            new CodebookLayout(1, 2, 1, 1, false, CodebookLayout.Scales.NONE),
            new int[] {0, 1, 2, 3, 3, 1},
            new float[] {-1, 0, 1, 2},
            new float[0],
            null));
    byte[] blocks = new byte[2 * 34];
    out.put(
        "ggml", new GgmlTensor(new long[] {2, 32}, GgmlType.Q8_0, MemorySegment.ofArray(blocks)));
    PackedTensor narrow = affine(2, 32, 16, ScaleFormat.FP16, true, false);
    PackedTensor wide = affine(3, 24, 16, ScaleFormat.FP16, true, false);
    PackedTensor plain = DenseTensor.rounded(new float[64], DType.F16, 2, 32);
    out.put(
        "columns",
        BandedTensor.of(
            new long[] {5, 56}, Axis.COLUMNS, List.of(narrow, wide), 16, new int[] {2, 0, 1, 3}));
    int[] natural = {0, 1, 2, 3, 4, 5, 6};
    out.put(
        "rows", BandedTensor.of(new long[] {7, 32}, Axis.ROWS, List.of(plain, narrow), 1, natural));
    return out;
  }

  @Test
  void bandsThatDoNotFitAreRefusedByName() {
    Map<String, PackedTensor> tensors = new LinkedHashMap<>(everyKind());
    tensors.keySet().retainAll(List.of("columns"));
    Path path = directory.resolve("bands.safetensors");
    String text = PackedFile.metadata(tensors).get(PackedFile.METADATA);
    for (String[] change :
        new String[][] {
          {"\"shape\":[5,56]", "\"shape\":[5,57]", "do not make up 57"},
          {"\"axis\":\"columns\"", "\"axis\":\"rows\"", "columns.order"},
          {"\"axis\":\"columns\"", "\"axis\":\"diagonals\"", "axis"},
          {"\"unit\":16", "\"unit\":0", "unit"}
        }) {
      SafetensorsWriter.write(
          path,
          Map.of(PackedFile.METADATA, text.replace(change[0], change[1])),
          PackedFile.entries(tensors),
          Progress.SILENT);
      try (SafetensorsFile file = SafetensorsFile.open(path)) {
        assertThatThrownBy(() -> PackedFile.readAll(file))
            .isInstanceOf(ModelFormatException.class)
            .hasMessageContaining(change[2]);
      }
    }
  }

  @Test
  void everyKindOfTensorComesBackBitForBit() {
    Map<String, PackedTensor> tensors = everyKind();
    Path path = directory.resolve("packed.safetensors");
    SafetensorsWriter.write(
        path, PackedFile.metadata(tensors), PackedFile.entries(tensors), Progress.SILENT);
    try (SafetensorsFile file = SafetensorsFile.open(path)) {
      Map<String, PackedTensor> read = PackedFile.readAll(file);
      assertThat(read.keySet()).containsExactlyInAnyOrderElementsOf(tensors.keySet());
      tensors.forEach(
          (name, tensor) -> {
            PackedTensor found = read.get(name);
            assertThat(found.shape()).as(name).isEqualTo(tensor.shape());
            assertThat(found.typeName()).as(name).isEqualTo(tensor.typeName());
            assertThat(found.byteSize()).as(name).isEqualTo(tensor.byteSize());
            assertThat(found.toFloats()).as(name).isEqualTo(tensor.toFloats());
          });
    }
  }

  @Test
  void anArtefactOpensWithItsOperators() throws IOException {
    Map<String, SiteOps> ops =
        Map.of(
            "model.layers.0.mlp.down_proj",
            new SiteOps(
                List.of(
                    new OnlineTransform.Hadamard(48),
                    new OnlineTransform.HeadHadamard(4, 12),
                    new OnlineTransform.BlockHadamard(16)),
                Optional.of(
                    new ActivationQuant(
                        8, ActivationQuant.Granularity.TENSOR, 0, false, 0.9f, 0.1f, 12))));
    writeArtefact(FamilyFixtures.of("llama-longrope").directory(), ops);
    try (OpenedModel source = OpenedModel.open(FamilyFixtures.of("llama-longrope").directory());
        OpenedModel model = OpenedModel.open(directory)) {
      assertThat(model.kind()).isEqualTo(OpenedModel.Kind.NIBBLE);
      assertThat(model.weights().siteOps()).isEqualTo(ops);
      assertThat(model.weights().config())
          .usingRecursiveComparison()
          .isEqualTo(source.weights().config());
      assertThat(model.weights().names()).hasSameElementsAs(source.weights().names());
      for (String name : source.weights().names()) {
        assertThat(model.weights().tensor(name).toFloats())
            .isEqualTo(source.weights().tensor(name).toFloats());
      }
      assertThat(model.files())
          .extracting(p -> p.getFileName().toString())
          .containsExactly("nibble.json", "model.safetensors");
    }
  }

  @Test
  void theTokenizerOfAGgufFileStaysWithTheArtefact() throws IOException {
    Path gguf = directory.resolve("m.gguf");
    SequencedMap<String, GgufValue> keys = new LinkedHashMap<>();
    keys.put("tokenizer.ggml.model", GgufValue.of("gpt2"));
    keys.put("tokenizer.ggml.pre", GgufValue.of("gpt-2"));
    keys.put("tokenizer.ggml.tokens", GgufValue.strings(List.of("a", "b", "ab")));
    keys.put("tokenizer.ggml.merges", GgufValue.strings(List.of("a b")));
    keys.put("tokenizer.chat_template", GgufValue.of("{{ messages[0].content }}!"));
    Path source = FamilyFixtures.of("llama").directory();
    try (OpenedModel model = OpenedModel.open(source)) {
      GgufExport.write(model.weights(), keys, GgufExportOptions.asStored(), gguf, Progress.SILENT);
    }
    try (OpenedModel model = OpenedModel.open(gguf)) {
      assertThat(model.tokenizer().encode("abb", false)).containsExactly(2, 1);
      writeArtefact(source, Map.of());
      model.copyCompanions(directory);
    }
    Files.delete(gguf);
    try (OpenedModel model = OpenedModel.open(directory)) {
      assertThat(model.files()).contains(directory.resolve("tokenizer.gguf"));
      assertThat(model.tokenizer().encode("abb", false)).containsExactly(2, 1);
      String said =
          model.chatTemplate().orElseThrow().render(List.of(new Message("user", "hi")), false);
      assertThat(said).isEqualTo("hi!");
      assertThat(model.ggufTokenizer().keySet()).isEqualTo(keys.keySet());
    }
  }

  @Test
  void operatorsThatDoNotFitTheirSiteAreRefused() {
    Path source = FamilyFixtures.of("llama").directory();
    String down = "model.layers.0.mlp.down_proj";
    refusedOps(source, "model.layers.2.mlp.down_proj", new OnlineTransform.Hadamard(48), "no such");
    refusedOps(source, down, new OnlineTransform.Hadamard(32), "does not fit inputs of width 48");
    refusedOps(source, down, new OnlineTransform.HeadHadamard(4, 8), "HeadHadamard");
    refusedOps(source, down, new OnlineTransform.BlockHadamard(32), "BlockHadamard");
    refusedOps(source, down, new OnlineTransform.Permutation(new int[] {0}), "Permutation");
    refusedOps(source, down, new OnlineTransform.Scaling(new float[49]), "Scaling");
    refusedOps(source, down, new OnlineTransform.BlockMatrix(5, new float[25]), "BlockMatrix");
    refusedOps(source, down, new OnlineTransform.Seeded(Form.DENSE, 47, 1, false), "Seeded");
    SiteOps output =
        new SiteOps(List.of(), Optional.empty(), List.of(new OnlineTransform.BlockHadamard(48)));
    refusedOps(source, down, output, "does not fit outputs of width 32");
    refusedOps(source, "model.layers.0.self_attn", output, "does not fit outputs of width 0");
  }

  private void refusedOps(Path source, String site, OnlineTransform transform, String message) {
    refusedOps(source, site, new SiteOps(List.of(transform), Optional.empty()), message);
  }

  private void refusedOps(Path source, String site, SiteOps ops, String message) {
    writeArtefact(source, Map.of(site, ops));
    assertThatThrownBy(() -> OpenedModel.open(directory))
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContaining("nibble.json [site_ops." + site + "]")
        .hasMessageContaining(message);
  }

  /** Matrices, seeds and output transforms; sites that share a list share it again when read. */
  @Test
  void largeTransformsComeBackExactlyAndOnce() throws IOException {
    float[] values = new float[256 * 256];
    for (int i = 0; i < values.length; i++) {
      values[i] = (i % 511 - 255) / 256f;
    }
    float[] odd = {1f / 3, 0, 0, 1};
    List<OnlineTransform> input =
        List.of(
            new OnlineTransform.BlockMatrix(256, values),
            new OnlineTransform.BlockMatrix(2, odd),
            new OnlineTransform.Permutation(new int[] {1, 0}));
    List<OnlineTransform> output =
        List.of(new OnlineTransform.Seeded(Form.KRONECKER, 12, Long.MIN_VALUE, true));
    Map<String, SiteOps> ops =
        Map.of(
            "k", new SiteOps(input, Optional.empty()),
            "q", new SiteOps(input, Optional.of(ActivationQuant.perToken(4)), output));
    NibbleArtefact.writeManifest(
        directory,
        NibbleArtefact.Manifest.of(config("llama"), ops, JsonNodeFactory.instance.objectNode()));
    Map<String, SiteOps> read = NibbleArtefact.readManifest(directory).siteOps();
    assertThat(read).isEqualTo(ops);
    assertThat(read.get("q").onlineTransforms().getFirst())
        .isSameAs(read.get("k").onlineTransforms().getFirst());
    // half precision holds the large matrix, so it takes two bytes a value, in base64, once
    assertThat(Files.size(directory.resolve(NibbleArtefact.MANIFEST))).isLessThan(190_000);
  }

  @Test
  void damagedTransformsNameTheField() throws IOException {
    Map<String, SiteOps> ops =
        Map.of(
            "k",
            new SiteOps(
                List.of(
                    new OnlineTransform.BlockMatrix(2, new float[] {1, 0, 0, 1}),
                    new OnlineTransform.Seeded(Form.DENSE, 4, 77, false)),
                Optional.empty()),
            "q",
            new SiteOps(
                List.of(new OnlineTransform.BlockMatrix(2, new float[] {1, 0, 0, 1})),
                Optional.empty()));
    NibbleArtefact.writeManifest(
        directory,
        NibbleArtefact.Manifest.of(config("llama"), ops, JsonNodeFactory.instance.objectNode()));
    String good = Files.readString(directory.resolve(NibbleArtefact.MANIFEST));
    refusedManifest(good.replace("\"block\" : 2", "\"block\" : 3"), "rows");
    refusedManifest(good.replace("\"f16\"", "\"f32\""), "bytes where a row has 2 values");
    refusedManifest(good.replace("\"f16\"", "\"f8\""), "neither f16 nor f32");
    refusedManifest(good.replace("\"ADwAAA==\"", "\"*\""), "base64");
    refusedManifest(good.replace("\"ADwAAA==\"", "\"AHwAAA==\""), "not finite");
    refusedManifest(good.replace("\"seed\" : 77", "\"seed\" : 0.5"), "seed");
    refusedManifest(good.replace("\"dense\"", "\"sparse\""), "form");
    refusedManifest(
        good.replace("\"q\" : {", "\"q\" : { \"transforms_of\" : \"z\","), "no site before");
  }

  @Test
  void scalingsAndPermutationsComeBackExactly() {
    float[] factors = {0.1f, Float.MIN_VALUE, -3.4e38f, 1f / 3};
    OnlineTransform.Scaling scaling = new OnlineTransform.Scaling(factors);
    OnlineTransform.Permutation permutation = new OnlineTransform.Permutation(new int[] {2, 0, 1});
    ModelConfig config = config("llama");
    NibbleArtefact.writeManifest(
        directory,
        NibbleArtefact.Manifest.of(
            config,
            Map.of("s", new SiteOps(List.of(scaling, permutation), Optional.empty())),
            JsonNodeFactory.instance.objectNode().put("recipe", "x")));
    NibbleArtefact.Manifest read = NibbleArtefact.readManifest(directory);
    List<OnlineTransform> transforms = read.siteOps().get("s").onlineTransforms();
    assertThat(((OnlineTransform.Scaling) transforms.get(0)).factor()).isEqualTo(factors);
    assertThat(((OnlineTransform.Permutation) transforms.get(1)).source()).containsExactly(2, 0, 1);
    assertThat(read.provenance().get("recipe").textValue()).isEqualTo("x");
  }

  @Test
  void damagedManifestsNameTheField() throws IOException {
    NibbleArtefact.writeManifest(
        directory,
        NibbleArtefact.Manifest.of(
            config("llama"), Map.of(), JsonNodeFactory.instance.objectNode()));
    Path file = directory.resolve(NibbleArtefact.MANIFEST);
    String good = Files.readString(file);
    refusedManifest(good.replace("\"version\" : 1", "\"version\" : 9"), "only 1 to 1");
    refusedManifest(good.replace("\"layers\" : 2", "\"layers\" : -2"), "config.layers");
    refusedManifest(good.replace("\"heads\" : 4", "\"heads\" : 3"), "do not divide");
    refusedManifest(good.replace("\"gated\" : true", "\"gated\" : 1"), "config.gated");
    refusedManifest(good.replace("\"silu\"", "\"sine\""), "config.activation");
    refusedManifest(good.replace("\"dim\" : 8", "\"dim\" : 9"), "9 rotary dimensions");
    refusedManifest(good.replace("\"gated\" : true,", ""), "config.gated");
  }

  private void refusedManifest(String json, String message) throws IOException {
    Files.writeString(directory.resolve(NibbleArtefact.MANIFEST), json);
    assertThatThrownBy(() -> NibbleArtefact.readManifest(directory))
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContaining("nibble.json")
        .hasMessageContaining(message);
  }

  private static ModelConfig config(String fixture) {
    try (OpenedModel model = OpenedModel.open(FamilyFixtures.of(fixture).directory())) {
      return model.weights().config();
    }
  }

  private void writeArtefact(Path source, Map<String, SiteOps> ops) {
    try (OpenedModel model = OpenedModel.open(source)) {
      Map<String, PackedTensor> tensors = new LinkedHashMap<>();
      model.weights().names().forEach(n -> tensors.put(n, model.weights().tensor(n)));
      SafetensorsWriter.write(
          directory.resolve(NibbleArtefact.WEIGHTS),
          PackedFile.metadata(tensors),
          PackedFile.entries(tensors),
          Progress.SILENT);
      NibbleArtefact.writeManifest(
          directory,
          NibbleArtefact.Manifest.of(
              model.weights().config(), ops, JsonNodeFactory.instance.objectNode()));
    }
  }
}
