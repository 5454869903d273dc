package dev.nibble.io.gguf;

import dev.nibble.core.ggml.GgmlType;
import dev.nibble.core.progress.Progress;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;

/** A generated Llama file of one layer: width 8, 2 query heads, 1 key/value head, 5 tokens. */
final class TinyGguf {
  static final int WIDTH = 8;
  static final int VOCAB = 5;

  private TinyGguf() {}

  static SequencedMap<String, GgufValue> metadata() {
    SequencedMap<String, GgufValue> m = new LinkedHashMap<>();
    m.put("general.architecture", GgufValue.of("llama"));
    m.put("llama.context_length", GgufValue.u32(32));
    m.put("llama.embedding_length", GgufValue.u32(WIDTH));
    m.put("llama.block_count", GgufValue.u32(1));
    m.put("llama.feed_forward_length", GgufValue.u32(6));
    m.put("llama.attention.head_count", GgufValue.u32(2));
    m.put("llama.attention.head_count_kv", GgufValue.u32(1));
    m.put("llama.attention.layer_norm_rms_epsilon", GgufValue.of(1e-5f));
    m.put("llama.rope.dimension_count", GgufValue.u32(4));
    m.put("tokenizer.ggml.tokens", GgufValue.strings(List.of("a", "b", "c", "d", "é")));
    m.put("tokenizer.ggml.eos_token_id", GgufValue.u32(4));
    return m;
  }

  /** Tensors whose element i of tensor t is {@code 1000 t + i}. */
  static List<GgufWriter.Tensor> tensors() {
    Map<String, long[]> shapes = new LinkedHashMap<>();
    shapes.put("token_embd.weight", new long[] {VOCAB, WIDTH});
    shapes.put("output_norm.weight", new long[] {WIDTH});
    shapes.put("blk.0.attn_norm.weight", new long[] {WIDTH});
    shapes.put("blk.0.attn_q.weight", new long[] {8, WIDTH});
    shapes.put("blk.0.attn_k.weight", new long[] {4, WIDTH});
    shapes.put("blk.0.attn_v.weight", new long[] {4, WIDTH});
    shapes.put("blk.0.attn_output.weight", new long[] {WIDTH, 8});
    shapes.put("blk.0.ffn_norm.weight", new long[] {WIDTH});
    shapes.put("blk.0.ffn_gate.weight", new long[] {6, WIDTH});
    shapes.put("blk.0.ffn_up.weight", new long[] {6, WIDTH});
    shapes.put("blk.0.ffn_down.weight", new long[] {WIDTH, 6});
    List<GgufWriter.Tensor> tensors = new ArrayList<>();
    shapes.forEach((name, shape) -> tensors.add(numbered(name, shape, 1000 * tensors.size())));
    return tensors;
  }

  static GgufWriter.Tensor numbered(String name, long[] shape, int first) {
    long columns = shape[shape.length - 1];
    return new GgufWriter.Tensor(
        name,
        shape,
        GgmlType.F32,
        (from, to) -> {
          byte[] bytes = new byte[(int) ((to - from) * columns * 4)];
          MemorySegment data = MemorySegment.ofArray(bytes);
          for (long i = 0; i < (to - from) * columns; i++) {
            data.set(ValueLayout.JAVA_FLOAT_UNALIGNED, i * 4, (float) (first + from * columns + i));
          }
          return data;
        });
  }

  static Path write(Path file) {
    GgufWriter.write(file, metadata(), tensors(), Progress.SILENT);
    return file;
  }
}
