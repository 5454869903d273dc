package dev.nibble.io.gguf;

import dev.nibble.core.model.Mlp;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.ModelConfig.Norm;
import dev.nibble.core.model.ModelConfig.Positions;
import dev.nibble.core.model.ModelConfig.Residual;
import dev.nibble.core.model.MoeConfig;
import dev.nibble.core.model.TensorNames;
import java.util.ArrayList;
import java.util.List;

/**
 * Which GGUF tensors a decoder consists of, and which canonical tensors each of them holds. Reader
 * and exporter work from the same list.
 *
 * <p>GPT-2, GPT-NeoX, Falcon and BLOOM files keep q, k and v in one tensor, rows of q first, then
 * k, then v. Llama files keep the rows of q and k in the order of adjacent rotary pairs, see {@link
 * RotaryRows}.
 */
final class GgufLayout {

  /**
   * A tensor of the file.
   *
   * @param name GGUF name
   * @param shape slowest axis first; of stacked experts {@code [experts, rows, columns]}
   * @param parts canonical tensors it holds, one below the other
   */
  record Entry(String name, long[] shape, List<Part> parts) {
    /** Elements of a row. */
    long columns() {
      return shape[shape.length - 1];
    }

    /** Elements of a vector; rows of a matrix or of all stacked ones. */
    long rows() {
      return shape.length == 3 ? shape[0] * shape[1] : shape[0];
    }
  }

  /**
   * A canonical tensor inside an entry.
   *
   * @param name canonical name
   * @param rows its rows (elements, for a vector)
   * @param rotaryHeads heads whose rows are in rotary-pair order, 0 when the order is the canonical
   *     one
   */
  record Part(String name, long rows, int rotaryHeads) {}

  /** Role of the router's tensor, without {@code .weight}. */
  static final String ROUTER = "ffn_gate_inp";

  private final GgufFamily family;
  private final ModelConfig config;
  private final List<Entry> entries = new ArrayList<>();

  private GgufLayout(GgufFamily family, ModelConfig config) {
    this.family = family;
    this.config = config;
  }

  /** All tensors of a model, in the customary file order. */
  static List<Entry> of(GgufFamily family, ModelConfig config) {
    GgufLayout layout = new GgufLayout(family, config);
    layout.ends();
    for (int i = 0; i < config.layers(); i++) {
      layout.layer(i);
    }
    return List.copyOf(layout.entries);
  }

  private void ends() {
    long hidden = config.hiddenSize();
    long vocab = config.vocabSize();
    matrix("token_embd", TensorNames.EMBEDDING, vocab, hidden);
    if (config.positions() == Positions.LEARNED) {
      matrix("position_embd", TensorNames.POSITIONS, config.maxPositions(), hidden);
    }
    if (config.embeddingNorm()) {
      norm("token_embd_norm", TensorNames.EMBEDDING_NORM, hidden);
    }
    norm("output_norm", TensorNames.FINAL_NORM, hidden);
    if (!config.tiedHead()) {
      matrix("output", TensorNames.HEAD, vocab, hidden);
    }
    if (config.headBias()) {
      vector("output.bias", TensorNames.bias(TensorNames.HEAD), vocab);
    }
  }

  private void layer(int index) {
    long hidden = config.hiddenSize();
    String to = TensorNames.layer(index) + ".";
    String from = "blk." + index + ".";
    norms(from, to, hidden);
    attention(from, to, hidden);
    linear(from + "attn_output", to + TensorNames.O, hidden, config.qSize(), config.outputBias());
    if (config.moe().at(index)) {
      experts(index, from, hidden);
    } else {
      mlp(from, "", Mlp.of(config, index).getFirst());
    }
  }

  private void mlp(String from, String suffix, Mlp mlp) {
    long hidden = config.hiddenSize();
    boolean bias = config.mlpBias();
    if (config.gated()) {
      linear(from + "ffn_gate" + suffix, mlp.gate(), mlp.size(), hidden, bias);
    }
    linear(from + "ffn_up" + suffix, mlp.up(), mlp.size(), hidden, bias);
    linear(from + "ffn_down" + suffix, mlp.down(), hidden, mlp.size(), bias);
  }

  /** The experts' matrices are stacked in one tensor of each kind. */
  private void experts(int index, String from, long hidden) {
    MoeConfig moe = config.moe();
    List<Mlp> routed = Mlp.of(config, index).stream().filter(Mlp::routed).toList();
    String router = TensorNames.layer(index, TensorNames.ROUTER);
    matrix(from + ROUTER, router, moe.experts(), hidden);
    long size = moe.expertSize();
    stack(from + "ffn_gate_exps.weight", routed.stream().map(Mlp::gate).toList(), size, hidden);
    stack(from + "ffn_up_exps.weight", routed.stream().map(Mlp::up).toList(), size, hidden);
    stack(from + "ffn_down_exps.weight", routed.stream().map(Mlp::down).toList(), hidden, size);
    for (Mlp mlp : Mlp.of(config, index)) {
      if (!mlp.routed()) {
        mlp(from, "_shexp", mlp);
      }
    }
    if (moe.sharedGate()) {
      String gate = TensorNames.layer(index, TensorNames.SHARED_GATE) + ".weight";
      vector(from + "ffn_gate_inp_shexp.weight", gate, hidden);
    }
  }

  private void stack(String name, List<String> modules, long rows, long columns) {
    List<Part> parts = modules.stream().map(m -> new Part(m + ".weight", rows, 0)).toList();
    entries.add(new Entry(name, new long[] {modules.size(), rows, columns}, parts));
  }

  private void norms(String from, String to, long hidden) {
    String first = to + TensorNames.INPUT_NORM;
    String second = to + TensorNames.POST_NORM;
    if (family == GgufFamily.FALCON && config.residual() == Residual.PARALLEL) {
      // Falcon's second norm is the one of the attention.
      norm(from + "attn_norm_2", first, hidden);
      norm(from + "attn_norm", second, hidden);
      return;
    }
    norm(from + "attn_norm", first, hidden);
    if (config.residual() == Residual.SANDWICH) {
      norm(from + "post_attention_norm", to + TensorNames.ATTENTION_OUT_NORM, hidden);
      norm(from + "post_ffw_norm", to + TensorNames.MLP_OUT_NORM, hidden);
    }
    if (config.residual() != Residual.PARALLEL_SHARED_NORM) {
      norm(from + "ffn_norm", second, hidden);
    }
  }

  private void attention(String from, String to, long hidden) {
    int rotary = family.rotaryPairs() ? 1 : 0;
    Part q = new Part(to + TensorNames.Q, config.qSize(), rotary * config.heads());
    Part k = new Part(to + TensorNames.K, config.kvSize(), rotary * config.kvHeads());
    Part v = new Part(to + TensorNames.V, config.kvSize(), 0);
    if (family.fusedQkv()) {
      projection(from + "attn_qkv", List.of(q, k, v), hidden);
    } else {
      projection(from + "attn_q", List.of(q), hidden);
      projection(from + "attn_k", List.of(k), hidden);
      projection(from + "attn_v", List.of(v), hidden);
    }
    if (config.qkNorm()) {
      vector(from + "attn_q_norm.weight", to + TensorNames.Q_NORM + ".weight", config.headDim());
      vector(from + "attn_k_norm.weight", to + TensorNames.K_NORM + ".weight", config.headDim());
    }
  }

  private void projection(String name, List<Part> modules, long columns) {
    long rows = modules.stream().mapToLong(Part::rows).sum();
    entries.add(new Entry(name + ".weight", new long[] {rows, columns}, parts(modules, ".weight")));
    if (config.attentionBias()) {
      entries.add(new Entry(name + ".bias", new long[] {rows}, parts(modules, ".bias")));
    }
  }

  private static List<Part> parts(List<Part> modules, String suffix) {
    return modules.stream()
        .map(m -> new Part(m.name() + suffix, m.rows(), m.rotaryHeads()))
        .toList();
  }

  private void linear(String name, String canonical, long rows, long columns, boolean bias) {
    matrix(name, canonical, rows, columns);
    if (bias) {
      vector(name + ".bias", canonical + ".bias", rows);
    }
  }

  private void norm(String name, String canonical, long size) {
    vector(name + ".weight", canonical + ".weight", size);
    if (config.norm() == Norm.LAYER) {
      vector(name + ".bias", canonical + ".bias", size);
    }
  }

  private void matrix(String name, String canonical, long rows, long columns) {
    entries.add(
        new Entry(
            name + ".weight",
            new long[] {rows, columns},
            List.of(new Part(canonical + ".weight", rows, 0))));
  }

  private void vector(String name, String canonical, long size) {
    entries.add(new Entry(name, new long[] {size}, List.of(new Part(canonical, size, 0))));
  }
}
