package dev.nibble.bench;

import dev.nibble.core.NibbleException;
import dev.nibble.core.ggml.GgmlEncoder;
import dev.nibble.core.ggml.GgmlType;
import dev.nibble.core.progress.Progress;
import dev.nibble.io.gguf.GgufValue;
import dev.nibble.io.gguf.GgufWriter;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Writes a Llama of random weights, for speed alone. */
@Command(
    name = "synthetic",
    mixinStandardHelpOptions = true,
    description = "Writes a GGUF file with the shape of a Llama of 350 M parameters.")
final class Synthetic implements Callable<Integer> {
  private static final int WIDTH = 1536;
  private static final int INNER = 4096;
  private static final int LAYERS = 12;
  private static final int HEADS = 12;
  private static final int KV_HEADS = 4;
  private static final int VOCABULARY = 32_000;
  private static final int BYTES = 256;

  // token types of the format
  private static final int NORMAL = 1;
  private static final int UNKNOWN = 2;
  private static final int CONTROL = 3;
  private static final int BYTE = 6;

  @Parameters(paramLabel = "FILE", description = "The file to write.")
  private Path file;

  @Option(names = "--type", defaultValue = "q4_0", description = "Block type of the matrices.")
  private String type;

  private final SplittableRandom random = new SplittableRandom(1);
  private final List<GgufWriter.Tensor> tensors = new ArrayList<>();

  @Override
  public Integer call() {
    GgmlType blocks = blocks();
    matrix("token_embd.weight", blocks, VOCABULARY, WIDTH);
    ones("output_norm.weight");
    matrix("output.weight", blocks, VOCABULARY, WIDTH);
    int keys = WIDTH / HEADS * KV_HEADS;
    for (int i = 0; i < LAYERS; i++) {
      String layer = "blk." + i + ".";
      ones(layer + "attn_norm.weight");
      ones(layer + "ffn_norm.weight");
      matrix(layer + "attn_q.weight", blocks, WIDTH, WIDTH);
      matrix(layer + "attn_k.weight", blocks, keys, WIDTH);
      matrix(layer + "attn_v.weight", blocks, keys, WIDTH);
      matrix(layer + "attn_output.weight", blocks, WIDTH, WIDTH);
      matrix(layer + "ffn_gate.weight", blocks, INNER, WIDTH);
      matrix(layer + "ffn_up.weight", blocks, INNER, WIDTH);
      matrix(layer + "ffn_down.weight", blocks, WIDTH, INNER);
    }
    GgufWriter.write(file, metadata(), tensors, Progress.SILENT);
    return 0;
  }

  private GgmlType blocks() {
    try {
      GgmlType found = GgmlType.valueOf(type.toUpperCase(Locale.ROOT));
      if (GgmlEncoder.supports(found)) {
        return found;
      }
    } catch (IllegalArgumentException e) {
      // told below, like a type that can only be read
    }
    throw new NibbleException("--type " + type + " is none of " + GgmlEncoder.types());
  }

  private void ones(String name) {
    float[] ones = new float[WIDTH];
    Arrays.fill(ones, 1f);
    byte[] data = GgmlEncoder.encode(GgmlType.F32, ones, 0, 1, WIDTH, null, name);
    tensors.add(
        new GgufWriter.Tensor(
            name, new long[] {WIDTH}, GgmlType.F32, (from, to) -> MemorySegment.ofArray(data)));
  }

  private void matrix(String name, GgmlType blocks, int rows, int columns) {
    long seed = random.nextLong();
    tensors.add(
        new GgufWriter.Tensor(
            name,
            new long[] {rows, columns},
            blocks,
            (from, to) -> rows(name, blocks, seed + from, (int) (to - from), columns)));
  }

  private static MemorySegment rows(
      String name, GgmlType blocks, long seed, int rows, int columns) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] x = new float[rows * columns];
    for (int i = 0; i < x.length; i++) {
      x[i] = (float) (random.nextGaussian() / Math.sqrt(columns));
    }
    return MemorySegment.ofArray(GgmlEncoder.encode(blocks, x, 0, rows, columns, null, name));
  }

  private static Map<String, GgufValue> metadata() {
    Map<String, GgufValue> m = new LinkedHashMap<>();
    m.put("general.architecture", GgufValue.of("llama"));
    m.put("general.name", GgufValue.of("synthetic"));
    m.put("llama.block_count", GgufValue.u32(LAYERS));
    m.put("llama.context_length", GgufValue.u32(32_768));
    m.put("llama.embedding_length", GgufValue.u32(WIDTH));
    m.put("llama.feed_forward_length", GgufValue.u32(INNER));
    m.put("llama.attention.head_count", GgufValue.u32(HEADS));
    m.put("llama.attention.head_count_kv", GgufValue.u32(KV_HEADS));
    m.put("llama.attention.layer_norm_rms_epsilon", GgufValue.of(1e-5f));
    m.put("llama.rope.dimension_count", GgufValue.u32(WIDTH / HEADS));
    m.put("llama.vocab_size", GgufValue.u32(VOCABULARY));
    tokenizer(m);
    return m;
  }

  /** A SentencePiece vocabulary that knows single bytes; the other tokens are never made. */
  private static void tokenizer(Map<String, GgufValue> m) {
    List<String> tokens = new ArrayList<>(List.of("<unk>", "<s>", "</s>"));
    int[] types = new int[VOCABULARY];
    Arrays.fill(types, NORMAL);
    types[0] = UNKNOWN;
    types[1] = CONTROL;
    types[2] = CONTROL;
    for (int i = 0; i < BYTES; i++) {
      types[tokens.size()] = BYTE;
      tokens.add(String.format(Locale.ROOT, "<0x%02X>", i));
    }
    while (tokens.size() < VOCABULARY) {
      tokens.add("<token " + tokens.size() + ">");
    }
    m.put("tokenizer.ggml.model", GgufValue.of("llama"));
    m.put("tokenizer.ggml.tokens", GgufValue.strings(tokens));
    m.put("tokenizer.ggml.scores", GgufValue.floats(new float[VOCABULARY]));
    m.put("tokenizer.ggml.token_type", GgufValue.ints(types));
    m.put("tokenizer.ggml.bos_token_id", GgufValue.u32(1));
    m.put("tokenizer.ggml.eos_token_id", GgufValue.u32(2));
  }
}
