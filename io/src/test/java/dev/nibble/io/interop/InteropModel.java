package dev.nibble.io.interop;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.core.model.InMemoryWeights;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.op.SiteOps;
import dev.nibble.core.progress.Progress;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.tensor.AffinePacker;
import dev.nibble.core.tensor.AffineTensor;
import dev.nibble.core.tensor.DType;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.core.testing.FamilyFixtures;
import dev.nibble.io.model.NibbleArtefact;
import dev.nibble.io.model.OpenedModel;
import dev.nibble.io.model.PackedFile;
import dev.nibble.io.safetensors.SafetensorsWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.function.Function;

/** Artefacts whose linears have random codes, scales, zero-points and column orders. */
final class InteropModel {
  private static final ObjectMapper JSON = new ObjectMapper();

  private InteropModel() {}

  /**
   * Makes an artefact of a model directory.
   *
   * @param tensor replacement by canonical name, null to keep the tensor
   */
  static void write(
      Path source, Path target, Map<String, SiteOps> ops, Function<String, PackedTensor> tensor) {
    try (OpenedModel model = OpenedModel.open(source)) {
      Map<String, PackedTensor> tensors = new LinkedHashMap<>();
      for (String name : model.weights().names()) {
        PackedTensor made = tensor.apply(name);
        tensors.put(name, made != null ? made : model.weights().tensor(name));
      }
      Files.createDirectories(target);
      model.copyCompanions(target);
      SafetensorsWriter.write(
          target.resolve(NibbleArtefact.WEIGHTS),
          PackedFile.metadata(tensors),
          PackedFile.entries(tensors),
          Progress.SILENT);
      NibbleArtefact.writeManifest(
          target,
          NibbleArtefact.Manifest.of(
              model.weights().config(), ops, JsonNodeFactory.instance.objectNode()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A one-block Llama of width 64 with sizes that every layout can hold, in bf16. */
  static Path plain(Path directory) {
    ObjectNode json = JSON.createObjectNode();
    json.put("model_type", "llama").put("hidden_size", 64).put("intermediate_size", 96);
    json.put("num_attention_heads", 2).put("num_key_value_heads", 1).put("num_hidden_layers", 1);
    json.put("vocab_size", 32).put("max_position_embeddings", 64).put("rms_norm_eps", 1e-5);
    json.put("tie_word_embeddings", false).put("torch_dtype", "bfloat16");
    try {
      Files.createDirectories(directory);
      JSON.writeValue(directory.resolve("config.json").toFile(), json);
      Map<String, PackedTensor> tensors = new LinkedHashMap<>();
      InMemoryWeights weights = InMemoryWeights.random(config(), 0.1, 1);
      for (String name : weights.names()) {
        PackedTensor t = weights.tensor(name);
        tensors.put(name, DenseTensor.rounded(t.toFloats(), DType.BF16, t.shape()));
      }
      SafetensorsWriter.write(
          directory.resolve("model.safetensors"),
          Map.of(),
          PackedFile.entries(tensors),
          Progress.SILENT);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return directory;
  }

  private static ModelConfig config() {
    Path llama = FamilyFixtures.of("llama").directory();
    try (OpenedModel model = OpenedModel.open(llama)) {
      ModelConfig c = model.weights().config();
      return new ModelConfig(
          c.family(),
          32,
          64,
          1,
          2,
          1,
          32,
          96,
          64,
          c.norm(),
          1e-5,
          c.activation(),
          c.gated(),
          c.positions(),
          0,
          c.rope(),
          c.residual(),
          false,
          false,
          false,
          false,
          false,
          true,
          false,
          false,
          0,
          64,
          "bfloat16",
          -1,
          c.eosIds());
    }
  }

  /**
   * A tensor with random codes over the whole range.
   *
   * @param ordered columns belong to groups at random
   * @param leastZero smallest zero-point
   */
  static AffineTensor random(long[] shape, String spec, boolean ordered, int leastZero, long seed) {
    QuantSpec parsed = QuantSpec.parse(spec);
    Random random = new Random(seed);
    int rows = (int) shape[0];
    int columns = (int) shape[1];
    byte[] codes = new byte[rows * columns];
    random.nextBytes(codes);
    int scaleCount = (int) parsed.scaleCount(rows, columns);
    float[] scales = new float[scaleCount];
    int[] zeros = new int[scaleCount];
    for (int i = 0; i < scaleCount; i++) {
      scales[i] = parsed.scaleFormat().round(0.001 + random.nextDouble() / 4);
      zeros[i] = leastZero + random.nextInt((1 << parsed.bits()) - leastZero);
    }
    int[] index = null;
    if (ordered) {
      index = new int[columns];
      for (int c = 0; c < columns; c++) {
        index[c] = random.nextInt(parsed.groups(columns));
      }
    }
    return AffinePacker.pack(
        shape, parsed, codes, scales, parsed.symmetric() ? null : zeros, index);
  }
}
