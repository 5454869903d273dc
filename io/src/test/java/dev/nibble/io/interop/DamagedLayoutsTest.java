package dev.nibble.io.interop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.core.ModelFormatException;
import dev.nibble.core.NibbleException;
import dev.nibble.core.progress.Progress;
import dev.nibble.core.tensor.DType;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.core.testing.Mutator;
import dev.nibble.io.model.OpenedModel;
import dev.nibble.io.safetensors.SafetensorsFile;
import dev.nibble.io.safetensors.SafetensorsWriter;
import dev.nibble.io.safetensors.SafetensorsWriter.Entry;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Quantized models with something wrong: one sentence that names the tensor or the field. */
class DamagedLayoutsTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int CASES = Integer.getInteger("nibble.fuzz.cases", 2000) / 20;
  private static final String Q = "model.layers.0.self_attn.q_proj.";
  private static final String V = "model.layers.0.self_attn.v_proj.";
  private static final String DOWN = "model.layers.0.mlp.down_proj.";

  @TempDir Path root;
  private Path directory;

  @BeforeEach
  void makeDirectory() throws IOException {
    directory = Files.createDirectory(root.resolve("hostile-model"));
  }

  private void copy(String name, Consumer<ObjectNode> config, UnaryOperator<Entry> tensors)
      throws IOException {
    Path source = ReferenceLayoutsTest.directory(name);
    ObjectNode json = (ObjectNode) JSON.readTree(source.resolve("config.json").toFile());
    config.accept((ObjectNode) json.get("quantization_config"));
    JSON.writeValue(directory.resolve("config.json").toFile(), json);
    try (SafetensorsFile file = SafetensorsFile.open(source.resolve("model.safetensors"))) {
      List<Entry> entries = new ArrayList<>();
      for (String tensor : file.names()) {
        Entry entry = tensors.apply(Entry.of(tensor, file.tensor(tensor)));
        if (entry != null) {
          entries.add(entry);
        }
      }
      SafetensorsWriter.write(
          directory.resolve("model.safetensors"), Map.of(), entries, Progress.SILENT);
    }
  }

  private void readAll() {
    try (OpenedModel model = OpenedModel.open(directory)) {
      model.weights().names().forEach(n -> model.weights().tensor(n).toFloats());
    }
  }

  private void refused(String... message) {
    assertThatThrownBy(this::readAll)
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContainingAll(message);
  }

  @ParameterizedTest
  @CsvSource({
    "gptq, self_attn.q_proj.qzeros",
    "gptq, self_attn.q_proj.scales",
    "awq, self_attn.q_proj.qzeros",
    "awq, mlp.down_proj.scales",
    "compressed-tensors, self_attn.q_proj.weight_shape",
    "compressed-tensors, self_attn.q_proj.weight_scale",
    "compressed-tensors, self_attn.q_proj.weight_zero_point",
    "compressed-tensors, mlp.down_proj.weight_zero_point"
  })
  void missingTensorsAreNamed(String name, String part) throws IOException {
    String missing = "model.layers.0." + part;
    copy(name, c -> {}, e -> e.name().equals(missing) ? null : e);
    refused("[" + missing + "]", "missing");
  }

  @ParameterizedTest
  @CsvSource({
    "gptq, self_attn.q_proj.qzeros",
    "gptq, self_attn.v_proj.scales",
    "gptq, self_attn.v_proj.g_idx",
    "awq, self_attn.q_proj.qzeros",
    "awq, self_attn.q_proj.scales",
    "compressed-tensors, self_attn.q_proj.weight_packed",
    "compressed-tensors, self_attn.q_proj.weight_scale",
    "compressed-tensors, self_attn.q_proj.weight_zero_point",
    "compressed-tensors, self_attn.v_proj.weight_g_idx"
  })
  void partsOfAnotherSizeAreNamed(String name, String part) throws IOException {
    String wrong = "model.layers.0." + part;
    copy(name, c -> {}, e -> e.name().equals(wrong) ? halved(e) : e);
    refused("[" + wrong + "]", "shape");
  }

  private static Entry halved(Entry entry) {
    long[] shape = entry.shape();
    shape[0] /= 2;
    long bytes = entry.byteSize() / 2;
    return new Entry(
        entry.name(),
        entry.dtype(),
        shape,
        sink -> sink.write(MemorySegment.ofArray(new byte[(int) bytes])));
  }

  private static Entry filled(Entry entry, int value) {
    int[] words = new int[(int) entry.byteSize() / 4];
    Arrays.fill(words, value);
    return Entry.of(
        entry.name(), new DenseTensor(entry.shape(), entry.dtype(), Grids.words(words)));
  }

  @Test
  void weightsOfAnotherShapeThanTheConfigurationAreRefused() throws IOException {
    copy("gptq", c -> c.put("bits", 8), e -> e);
    refused("v_proj");
    copy(
        "awq",
        c -> {},
        e ->
            e.name().equals(Q + "qweight")
                ? new Entry(e.name(), DType.I32, new long[] {16, 8}, e.data())
                : e);
    refused("q_proj");
  }

  @Test
  void columnsOfNoGroupAreNamed() throws IOException {
    copy("gptq", c -> {}, e -> e.name().equals(V + "g_idx") ? filled(e, 2) : e);
    refused("[" + V + "g_idx]", "column 0 is in group 2 of 2");
    copy(
        "compressed-tensors",
        c -> {},
        e -> e.name().equals(V + "weight_g_idx") ? filled(e, -1) : e);
    refused("[" + V + "weight_g_idx]", "group -1");
  }

  @Test
  void zeroPointsThatTheBitsCannotHoldAreNamed() throws IOException {
    copy("gptq", c -> {}, e -> e.name().equals(Q + "qzeros") ? filled(e, -1) : e);
    refused("[" + Q + "qzeros]", "output 0, group 0 is 4", "gptq_v2");
  }

  @Test
  void scalesThatAreNoNumbersAreNamed() throws IOException {
    copy("awq", c -> {}, e -> e.name().equals(DOWN + "scales") ? filled(e, 0x7e007e00) : e);
    refused("[" + DOWN + "scales]", "scale 0 is NaN");
  }

  @Test
  void fieldsThatAreNotSupportedAreNamed() throws IOException {
    refusedConfig("gptq", c -> c.put("bits", 5), "quantization_config.bits", "2, 3, 4 and 8");
    refusedConfig("gptq", c -> c.put("group_size", 0), "group_size");
    refusedConfig("gptq", c -> c.put("checkpoint_format", "marlin"), "checkpoint_format", "marlin");
    refusedConfig("gptq", c -> c.putObject("adapter").put("rank", 4), "adapter");
    refusedConfig("gptq", c -> c.putObject("dynamic").putObject("-:.*"), "dynamic", "plain");
    refusedConfig("gptq", c -> c.putObject("dynamic").putObject("+:("), "regular expression");
    refusedConfig(
        "gptq", c -> c.putObject("dynamic").putObject("+:(.|..)+!|(x)\\2"), "takes too long");
    refusedConfig("awq", c -> c.put("version", "gemv"), "version", "only gemm");
    refusedConfig("awq", c -> c.put("bits", 8), "bits", "only 4");
    refusedConfig("awq", c -> c.put("zero_point", false), "zero_point");
    refusedConfig(
        "awq", c -> c.put("quant_method", "hqq"), "hqq", "gptq", "awq", "compressed-tensors");
    String ct = "compressed-tensors";
    refusedConfig(ct, c -> c.put("format", "marlin-24"), "format", "marlin-24");
    refusedConfig(ct, c -> c.putObject("kv_cache_scheme").put("num_bits", 8), "kv_cache_scheme");
    refusedConfig(
        ct, c -> c.putObject("sparsity_config").put("format", "sparse-24-bitmask"), "sparse-24");
    refusedConfig(ct, c -> scheme(c, 0, "weights").put("strategy", "block"), "strategy", "block");
    refusedConfig(ct, c -> scheme(c, 0, "weights").put("num_bits", 16), "num_bits", "16");
    refusedConfig(
        ct,
        c -> scheme(c, 3, "input_activations").put("dynamic", false),
        "input_activations.dynamic");
    refusedConfig(
        ct, c -> scheme(c, 3, "input_activations").put("type", "float"), "input_activations.type");
    refusedConfig(ct, c -> ((ObjectNode) c.get("config_groups")).remove("group_3"), "gate_proj");
  }

  private static ObjectNode scheme(ObjectNode config, int group, String part) {
    return (ObjectNode) config.get("config_groups").get("group_" + group).get(part);
  }

  private void refusedConfig(String name, Consumer<ObjectNode> config, String... message)
      throws IOException {
    copy(name, config, e -> e);
    refused(message);
  }

  /** The same damage that all readers are held to. */
  @ParameterizedTest
  @CsvSource({
    "gptq, model.safetensors",
    "gptq, config.json",
    "awq, model.safetensors",
    "compressed-tensors, model.safetensors",
    "compressed-tensors, config.json"
  })
  void randomDamageIsReportedInOneSentence(String name, String victim) throws IOException {
    copy(name, c -> {}, e -> e);
    Path file = directory.resolve(victim);
    byte[] whole = Files.readAllBytes(file);
    Mutator mutator = new Mutator(whole, Math.min(whole.length, 6000), true);
    int refused = 0;
    for (int seed = 0; seed < CASES; seed++) {
      Files.write(file, mutator.mutate(seed));
      try {
        readAll();
      } catch (NibbleException e) {
        refused++;
        assertThat(e.getMessage()).as("seed " + seed).contains("hostile-model");
      } catch (RuntimeException | Error e) {
        throw new AssertionError(
            victim + " with seed " + seed + " let another exception escape", e);
      }
    }
    assertThat(refused).as("cases that were refused").isGreaterThan(CASES / 4);
  }
}
