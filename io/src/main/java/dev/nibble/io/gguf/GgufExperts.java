package dev.nibble.io.gguf;

import dev.nibble.core.ModelFormatException;
import dev.nibble.core.NibbleException;
import dev.nibble.core.model.MoeConfig;
import dev.nibble.core.model.MoeConfig.Scoring;
import java.util.ArrayList;
import java.util.List;
import java.util.SequencedMap;
import java.util.stream.IntStream;

/**
 * Experts in GGUF metadata. What an architecture's readers do without being told (weights
 * normalised in {@code llama} and {@code qwen3moe}, not in the others; softmax scores) has no key.
 */
final class GgufExperts {
  /** Most experts of a layer, as in configurations of other formats. */
  private static final int MAX_EXPERTS = 1024;

  private GgufExperts() {}

  /**
   * Experts of a file; {@link MoeConfig#NONE} when it has none.
   *
   * @param metadata numbers of the file by key suffix
   */
  static MoeConfig read(GgufFile file, GgufFamily family, Numbers metadata) {
    int experts = metadata.count("expert_count", 0);
    if (experts == 0) {
      return MoeConfig.NONE;
    }
    int layers = metadata.count("block_count", 0);
    int topK = metadata.count("expert_used_count", 0);
    String key = family.architecture() + ".expert_used_count";
    if (!family.experts()) {
      throw problem(file, family.architecture() + ".expert_count", "this architecture has none");
    }
    if (topK < 1 || topK > experts || experts > MAX_EXPERTS) {
      throw problem(file, key, topK + " of " + experts + " experts cannot be chosen");
    }
    if (metadata.count("expert_gating_func", 1) != 1) {
      throw problem(
          file, family.architecture() + ".expert_gating_func", "only softmax (1) is supported");
    }
    if (layers > file.tensors().size()) {
      throw problem(file, family.architecture() + ".block_count", "more layers than tensors");
    }
    List<Integer> dense =
        IntStream.range(0, layers)
            .filter(i -> !file.tensors().containsKey("blk." + i + ".ffn_gate_inp.weight"))
            .boxed()
            .toList();
    int ffn = metadata.count("feed_forward_length", 0);
    double scale = metadata.number("expert_weights_scale", 1);
    return new MoeConfig(
        experts,
        topK,
        metadata.count("expert_feed_forward_length", ffn),
        sharedSize(file, dense.size() == layers ? 0 : firstMissing(dense)),
        family == GgufFamily.QWEN2MOE,
        Scoring.SOFTMAX,
        family.normalisesTopK(),
        scale == 0 ? 1 : scale,
        dense);
  }

  /** Numbers of the metadata under the architecture's prefix. */
  interface Numbers {
    /** A whole number that is not negative. */
    int count(String suffix, int absent);

    /** A number that is not negative. */
    double number(String suffix, double absent);
  }

  private static int firstMissing(List<Integer> ascending) {
    int i = 0;
    while (i < ascending.size() && ascending.get(i) == i) {
      i++;
    }
    return i;
  }

  private static int sharedSize(GgufFile file, int layer) {
    GgufTensorInfo up = file.tensors().get("blk." + layer + ".ffn_up_shexp.weight");
    return up == null ? 0 : Math.toIntExact(up.shape()[0]);
  }

  private static ModelFormatException problem(GgufFile file, String key, String text) {
    return new ModelFormatException(file.path(), key, text);
  }

  /**
   * Refuses experts that the architecture's readers would run otherwise.
   *
   * @throws NibbleException naming what GGUF readers cannot run
   */
  static void check(GgufFamily family, MoeConfig moe) {
    if (family.experts() && family != GgufFamily.LLAMA && !moe.present()) {
      throw GgufConfigWriter.refused("a model of architecture " + family + " without experts");
    }
    if (!moe.present()) {
      return;
    }
    List<String> odd = new ArrayList<>();
    if (!family.experts()) {
      odd.add("experts at all");
    }
    if (moe.scoring() != Scoring.SOFTMAX) {
      odd.add("sigmoid scores");
    }
    if (moe.normTopK() != family.normalisesTopK()) {
      odd.add("weights " + (moe.normTopK() ? "normalised" : "not normalised") + " over top-k");
    }
    if (moe.routedScale() != 1 && family != GgufFamily.DEEPSEEK) {
      odd.add("a factor on its experts");
    }
    int plain = moe.denseLayers().size();
    if (plain > 0 && (family != GgufFamily.DEEPSEEK || firstMissing(moe.denseLayers()) < plain)) {
      odd.add("layers without experts between or before those with");
    }
    boolean shared = moe.sharedSize() > 0;
    boolean needed = family == GgufFamily.QWEN2MOE || family == GgufFamily.DEEPSEEK;
    if (shared != needed || moe.sharedGate() != (family == GgufFamily.QWEN2MOE)) {
      odd.add(shared ? "such a shared expert" : "no shared expert");
    }
    if (family == GgufFamily.DEEPSEEK && shared && moe.sharedSize() % moe.expertSize() != 0) {
      odd.add("a shared expert whose width is no multiple of the others'");
    }
    if (!odd.isEmpty()) {
      throw GgufConfigWriter.refused(
          "a model of architecture " + family.architecture() + " with " + String.join(", ", odd));
    }
  }

  /** Adds the architecture's keys. */
  static void write(GgufFamily family, MoeConfig moe, SequencedMap<String, GgufValue> keys) {
    if (!moe.present()) {
      return;
    }
    String prefix = family.architecture() + ".";
    keys.put(prefix + "expert_count", GgufValue.u32(moe.experts()));
    keys.put(prefix + "expert_used_count", GgufValue.u32(moe.topK()));
    if (family != GgufFamily.LLAMA) {
      keys.put(prefix + "expert_feed_forward_length", GgufValue.u32(moe.expertSize()));
    }
    if (family == GgufFamily.QWEN2MOE) {
      keys.put(prefix + "expert_shared_feed_forward_length", GgufValue.u32(moe.sharedSize()));
    }
    if (family == GgufFamily.DEEPSEEK) {
      int shared = moe.sharedSize() / moe.expertSize();
      keys.put(prefix + "leading_dense_block_count", GgufValue.u32(moe.denseLayers().size()));
      keys.put(prefix + "expert_shared_count", GgufValue.u32(shared));
      keys.put(prefix + "expert_weights_scale", GgufValue.of((float) moe.routedScale()));
    }
  }
}
