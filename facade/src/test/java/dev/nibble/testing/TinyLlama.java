package dev.nibble.testing;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.core.progress.Progress;
import dev.nibble.core.tensor.DType;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.io.json.StrictJson;
import dev.nibble.io.safetensors.SafetensorsWriter;
import dev.nibble.io.safetensors.SafetensorsWriter.Entry;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * A Llama with random bf16 weights and one token a byte, as a Hugging Face directory.
 *
 * @param layers decoder blocks
 * @param hidden width, a multiple of 32
 * @param ffn inner width of the MLP
 * @param tied the head is the embedding
 */
public record TinyLlama(int layers, int hidden, int ffn, boolean tied) {
  /** Width 64, two blocks, a head of its own. */
  public static final TinyLlama SMALL = new TinyLlama(2, 64, 96, false);

  private static final int VOCAB = 256;
  private static final int HEAD_DIM = 16;

  /** Writes the model and returns the directory. */
  public Path write(Path directory, long seed) {
    try {
      Files.createDirectories(directory);
      Files.write(directory.resolve("config.json"), StrictJson.pretty(config()));
      Files.write(directory.resolve("tokenizer.json"), StrictJson.pretty(tokenizer()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    SafetensorsWriter.write(
        directory.resolve("model.safetensors"), Map.of(), entries(seed), Progress.SILENT);
    return directory;
  }

  private ObjectNode config() {
    ObjectNode out = JsonNodeFactory.instance.objectNode();
    out.putArray("architectures").add("LlamaForCausalLM");
    return out.put("model_type", "llama")
        .put("hidden_act", "silu")
        .put("hidden_size", hidden)
        .put("intermediate_size", ffn)
        .put("max_position_embeddings", 128)
        .put("num_attention_heads", hidden / HEAD_DIM)
        .put("num_key_value_heads", hidden / HEAD_DIM / 2)
        .put("num_hidden_layers", layers)
        .put("rms_norm_eps", 1e-5)
        .put("rope_theta", 10000.0)
        .put("tie_word_embeddings", tied)
        .put("torch_dtype", "bfloat16")
        .put("vocab_size", VOCAB)
        .put("bos_token_id", 1)
        .put("eos_token_id", 2);
  }

  /** Byte-level BPE without merges. */
  private static ObjectNode tokenizer() {
    ObjectNode out = JsonNodeFactory.instance.objectNode();
    out.put("version", "1.0");
    out.putObject("pre_tokenizer").put("type", "ByteLevel").put("add_prefix_space", false);
    out.putObject("decoder").put("type", "ByteLevel");
    ObjectNode model = out.putObject("model").put("type", "BPE");
    ObjectNode vocab = model.putObject("vocab");
    int next = 256;
    for (int b = 0; b < VOCAB; b++) {
      boolean printable = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
      vocab.put(Character.toString(printable ? b : next++), b);
    }
    model.putArray("merges");
    return out;
  }

  private List<Entry> entries(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    List<Entry> out = new ArrayList<>();
    add(out, random, "model.embed_tokens", VOCAB, hidden);
    for (int layer = 0; layer < layers; layer++) {
      String at = "model.layers." + layer + ".";
      norm(out, at + "input_layernorm");
      add(out, random, at + "self_attn.q_proj", hidden, hidden);
      add(out, random, at + "self_attn.k_proj", hidden / 2, hidden);
      add(out, random, at + "self_attn.v_proj", hidden / 2, hidden);
      add(out, random, at + "self_attn.o_proj", hidden, hidden);
      norm(out, at + "post_attention_layernorm");
      add(out, random, at + "mlp.gate_proj", ffn, hidden);
      add(out, random, at + "mlp.up_proj", ffn, hidden);
      add(out, random, at + "mlp.down_proj", hidden, ffn);
    }
    norm(out, "model.norm");
    if (!tied) {
      add(out, random, "lm_head", VOCAB, hidden);
    }
    return out;
  }

  private void norm(List<Entry> out, String name) {
    float[] ones = new float[hidden];
    java.util.Arrays.fill(ones, 1f);
    out.add(Entry.of(name + ".weight", DenseTensor.rounded(ones, DType.BF16, hidden)));
  }

  private static void add(
      List<Entry> out, SplittableRandom random, String name, int rows, int columns) {
    float[] values = new float[rows * columns];
    double scale = 1 / Math.sqrt(columns);
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (scale * random.nextGaussian());
    }
    out.add(Entry.of(name + ".weight", DenseTensor.rounded(values, DType.BF16, rows, columns)));
  }

  /** A calibration text of some thousand characters. */
  public static Path text(Path file) {
    StringBuilder out = new StringBuilder();
    SplittableRandom random = new SplittableRandom(3);
    String[] words = {"the", "cat", "sat", "on", "a", "mat", "and", "saw", "stars", "rise."};
    for (int i = 0; i < 4000; i++) {
      out.append(words[random.nextInt(words.length)]).append(i % 12 == 11 ? '\n' : ' ');
    }
    try {
      return Files.writeString(file, out);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
