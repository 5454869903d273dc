package dev.nibble.io.model;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.sun.management.ThreadMXBean;
import dev.nibble.core.NibbleException;
import dev.nibble.core.model.ModelWeights;
import dev.nibble.core.op.ActivationQuant;
import dev.nibble.core.op.OnlineTransform;
import dev.nibble.core.op.SiteOps;
import dev.nibble.core.progress.Progress;
import dev.nibble.core.spec.ScaleFormat;
import dev.nibble.core.tensor.AffineTensor;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.core.testing.FamilyFixtures;
import dev.nibble.core.testing.Mutator;
import dev.nibble.io.gguf.GgufExport;
import dev.nibble.io.gguf.GgufExportOptions;
import dev.nibble.io.gguf.GgufTokenizer;
import dev.nibble.io.safetensors.SafetensorsWriter;
import dev.nibble.io.safetensors.ShardedSafetensors;
import dev.nibble.io.token.ChatTemplate.Message;
import dev.nibble.io.token.Tokenizer;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Damaged model files give one sentence that names the file, or a model that can be read; never
 * another exception, a hang, or memory out of proportion. The system property {@code
 * nibble.fuzz.cases} sets the number of cases over all kinds of files (2,000 when absent).
 */
class HostileFilesTest {
  private static final int CASES = Integer.getInteger("nibble.fuzz.cases", 2000);

  /** Heap that one case may use: a small multiple of what the undamaged models need. */
  private static final long HEAP_BYTES = 48L << 20;

  private static final String TOKENIZER_JSON =
      """
      {"version":"1.0","truncation":null,"padding":null,
       "added_tokens":[{"id":7,"content":"<end>","single_word":false,"lstrip":false,
         "rstrip":false,"normalized":false,"special":true}],
       "normalizer":{"type":"NFC"},
       "pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,
         "use_regex":true},
       "post_processor":{"type":"TemplateProcessing",
         "single":[{"SpecialToken":{"id":"<end>","type_id":0}},
                   {"Sequence":{"id":"A","type_id":0}}],"pair":[],
         "special_tokens":{"<end>":{"id":"<end>","ids":[7],"tokens":["<end>"]}}},
       "decoder":{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,
         "use_regex":true},
       "model":{"type":"BPE","dropout":null,"unk_token":null,"continuing_subword_prefix":"",
         "end_of_word_suffix":"","fuse_unk":false,"byte_fallback":false,
         "vocab":{"a":0,"b":1,"\u0120":2,"ab":3,"\u0120b":4,"\u0120bab":5,"bab":6},
         "merges":["a b","\u0120 b","b ab","\u0120 bab"]}}
      """;

  private static final String SETTINGS_JSON =
      """
      {"bos_token":"<end>","eos_token":{"content":"<end>","special":true},
       "add_bos_token":true,"tokenizer_class":"GPT2Tokenizer","model_max_length":64,
       "chat_template":"{% for m in messages %}{{ m['role'] }}: {{ m.content }}{% endfor %}"}
      """;

  private static final List<Message> CHAT = List.of(new Message("user", "hello"));

  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  @TempDir Path root;

  /** The file that is damaged, in a model of which it is a part. */
  enum Victim {
    WEIGHTS("llama", "model.safetensors", true),
    CONFIG_LLAMA("llama-yarn", "config.json", true),
    CONFIG_FALCON("falcon-new", "config.json", true),
    CONFIG_GPT2("gpt2", "config.json", true),
    CONFIG_OPT("opt-post-norm", "config.json", true),
    INDEX("bloom", ShardedSafetensors.INDEX, true),
    SHARD("bloom", "model-00002-of-00002.safetensors", true),
    PACKED("qwen3", NibbleArtefact.WEIGHTS, true),
    MANIFEST("qwen3", NibbleArtefact.MANIFEST, true),
    TOKENIZER("mistral", "tokenizer.json", true),
    TOKENIZER_SETTINGS("mistral", "tokenizer_config.json", true),
    GGUF("qwen2", "model.gguf", false);

    private final String fixture;
    private final String file;
    private final boolean text;

    Victim(String fixture, String file, boolean text) {
      this.fixture = fixture;
      this.file = file;
      this.text = text;
    }

    private boolean hasTokenizer() {
      return this == TOKENIZER || this == TOKENIZER_SETTINGS || this == GGUF;
    }
  }

  private Path directory;

  @BeforeEach
  void makeDirectory() throws IOException {
    directory = Files.createDirectory(root.resolve("hostile-model"));
  }

  @ParameterizedTest
  @EnumSource(Victim.class)
  @Timeout(value = 30, unit = TimeUnit.MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
  void damageIsReportedInOneSentence(Victim victim) throws IOException {
    Path model = build(victim);
    Path file = directory.resolve(victim.file);
    byte[] whole = Files.readAllBytes(file);
    // A header and its share of tensor names; text files are header from end to end.
    int header = file.toString().endsWith(".json") ? whole.length : Math.min(whole.length, 6000);
    Mutator mutator = new Mutator(whole, header, victim.text);
    int refused = 0;
    int cases = Math.max(1, CASES / Victim.values().length);
    for (int seed = 0; seed < cases; seed++) {
      Files.write(file, mutator.mutate(seed));
      refused += isRefused(victim, model, victim + " with seed " + seed) ? 1 : 0;
    }
    assertThat(refused).as("cases that were refused").isGreaterThan(cases / 4);
    Files.write(file, whole);
    assertThat(isRefused(victim, model, "undamaged")).isFalse();
  }

  private boolean isRefused(Victim victim, Path model, String what) {
    long before = THREADS.getCurrentThreadAllocatedBytes();
    boolean refused = false;
    try (OpenedModel opened = OpenedModel.open(model)) {
      ModelWeights weights = opened.weights();
      for (String name : weights.names()) {
        weights.tensor(name).toFloats();
      }
      if (victim.hasTokenizer()) {
        Tokenizer tokenizer = opened.tokenizer();
        tokenizer.decode(tokenizer.encode("a bab <end> caf\u00e9", true), false);
        opened.chatTemplate().ifPresent(t -> t.render(CHAT, true));
      }
    } catch (NibbleException e) {
      assertThat(e.getMessage())
          .as(what)
          .contains("hostile-model")
          .doesNotContainPattern("\\p{Cntrl}")
          .hasSizeLessThan(1000);
      refused = true;
    } catch (RuntimeException | Error e) {
      throw new AssertionError(what + " let another exception escape", e);
    }
    assertThat(THREADS.getCurrentThreadAllocatedBytes() - before)
        .as(what + ": heap allocated")
        .isLessThan(HEAP_BYTES);
    return refused;
  }

  /** Makes the model that the victim belongs to and says what to open. */
  private Path build(Victim victim) throws IOException {
    Path source = FamilyFixtures.of(victim.fixture).directory();
    switch (victim) {
      case INDEX, SHARD -> ModelCopy.of(source).shards(2).to(directory);
      case PACKED, MANIFEST -> writeArtefact(source);
      case GGUF -> {
        try (OpenedModel model = OpenedModel.open(source)) {
          GgufExport.write(
              model.weights(),
              GgufTokenizer.fromDirectory(writeTokenizer(), model.weights().config()),
              GgufExportOptions.asStored(),
              directory.resolve(victim.file),
              Progress.SILENT);
        }
        return directory.resolve(victim.file);
      }
      case TOKENIZER, TOKENIZER_SETTINGS -> ModelCopy.of(source).to(writeTokenizer());
      default -> ModelCopy.of(source).to(directory);
    }
    return directory;
  }

  private Path writeTokenizer() throws IOException {
    Files.writeString(directory.resolve("tokenizer.json"), TOKENIZER_JSON);
    Files.writeString(directory.resolve("tokenizer_config.json"), SETTINGS_JSON);
    return directory;
  }

  private void writeArtefact(Path source) {
    try (OpenedModel model = OpenedModel.open(source)) {
      Map<String, PackedTensor> tensors = new LinkedHashMap<>();
      for (String name : model.weights().names()) {
        PackedTensor tensor = model.weights().tensor(name);
        tensors.put(name, name.endsWith("_proj.weight") ? packed(tensor.shape()) : tensor);
      }
      SafetensorsWriter.write(
          directory.resolve(NibbleArtefact.WEIGHTS),
          PackedFile.metadata(tensors),
          PackedFile.entries(tensors),
          Progress.SILENT);
      SiteOps ops =
          new SiteOps(
              List.of(new OnlineTransform.BlockHadamard(16)),
              Optional.of(ActivationQuant.perToken(8)));
      NibbleArtefact.writeManifest(
          directory,
          NibbleArtefact.Manifest.of(
              model.weights().config(),
              Map.of("model.layers.0.mlp.down_proj", ops, "model.layers.1.mlp.up_proj", ops),
              JsonNodeFactory.instance.objectNode().put("recipe", "none")));
    }
  }

  private static AffineTensor packed(long[] shape) {
    int rows = (int) shape[0];
    int columns = (int) shape[1];
    int groups = Math.ceilDiv(columns, 16);
    MemorySegment groupOfColumn = bytes(4L * columns);
    for (int c = 0; c < columns; c++) {
      groupOfColumn.set(ValueLayout.JAVA_BYTE, 4L * c, (byte) (c % groups));
    }
    return new AffineTensor(
        shape,
        4,
        16,
        ScaleFormat.FP16,
        bytes(rows * AffineTensor.rowStride(columns, 4)),
        bytes(2L * rows * groups),
        bytes((4L * rows * groups + 31) / 32 * 4),
        groupOfColumn);
  }

  private static MemorySegment bytes(long count) {
    return MemorySegment.ofArray(new byte[(int) count]);
  }
}
