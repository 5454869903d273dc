package dev.nibble.io.gguf;

import dev.nibble.core.ggml.GgmlType;
import java.util.List;

/**
 * The customary per-tensor type mixes under their llama.cpp names: a base type and exceptions for
 * the tensors that suffer most. The rules follow the llama.cpp releases of late 2025; they change
 * between releases, the files stay readable.
 *
 * <p>Head and embedding have rules of their own, see {@link #headType} and {@link #embeddingType}.
 */
public enum GgufMix {
  F32(0, GgmlType.F32),
  F16(1, GgmlType.F16),
  BF16(32, GgmlType.BF16),
  Q4_0(2, GgmlType.Q4_0, rule("ffn_down", When.FIRST_EIGHTH_WEIGHTED, GgmlType.Q4_1)),
  Q4_1(3, GgmlType.Q4_1),
  Q5_0(8, GgmlType.Q5_0, rule("ffn_down", When.FIRST_EIGHTH_WEIGHTED, GgmlType.Q5_1)),
  Q5_1(9, GgmlType.Q5_1),
  Q8_0(7, GgmlType.Q8_0),
  Q2_K(
      10,
      GgmlType.Q2_K,
      rule("attn_v", When.SHARED_HEADS, GgmlType.Q4_K),
      rule("attn_v", When.ALWAYS, GgmlType.Q3_K),
      rule("ffn_down", When.ALWAYS, GgmlType.Q3_K),
      rule("attn_output", When.ALWAYS, GgmlType.Q3_K)),
  Q2_K_S(
      21,
      GgmlType.Q2_K,
      rule("attn_v", When.SHARED_HEADS, GgmlType.Q4_K),
      rule("ffn_down", When.FIRST_EIGHTH, GgmlType.Q4_K)),
  Q3_K_S(11, GgmlType.Q3_K),
  Q3_K_M(
      12,
      GgmlType.Q3_K,
      rule("attn_v", When.FIRST_TWO, GgmlType.Q5_K),
      rule("attn_v", When.ALWAYS, GgmlType.Q4_K),
      rule("attn_qkv", When.ALWAYS, GgmlType.Q4_K),
      rule("ffn_down", When.FIRST_SIXTEENTH, GgmlType.Q5_K),
      rule("ffn_down", When.ALWAYS, GgmlType.Q4_K),
      rule("attn_output", When.ALWAYS, GgmlType.Q4_K)),
  Q3_K_L(
      13,
      GgmlType.Q3_K,
      rule("attn_v", When.ALWAYS, GgmlType.Q5_K),
      rule("attn_qkv", When.ALWAYS, GgmlType.Q4_K),
      rule("ffn_down", When.ALWAYS, GgmlType.Q5_K),
      rule("attn_output", When.ALWAYS, GgmlType.Q5_K)),
  Q4_K_S(
      14,
      GgmlType.Q4_K,
      rule("attn_v", When.FIRST_FOUR, GgmlType.Q5_K),
      rule("ffn_down", When.FIRST_EIGHTH, GgmlType.Q5_K)),
  Q4_K_M(
      15,
      GgmlType.Q4_K,
      rule("attn_v", When.SENSITIVE_LAYERS, GgmlType.Q6_K),
      rule("attn_qkv", When.ALWAYS, GgmlType.Q5_K),
      rule("ffn_down", When.SENSITIVE_LAYERS, GgmlType.Q6_K)),
  Q5_K_S(16, GgmlType.Q5_K),
  Q5_K_M(
      17,
      GgmlType.Q5_K,
      rule("attn_v", When.SENSITIVE_LAYERS, GgmlType.Q6_K),
      rule("attn_qkv", When.ALWAYS, GgmlType.Q6_K),
      rule("ffn_down", When.SENSITIVE_LAYERS, GgmlType.Q6_K)),
  Q6_K(18, GgmlType.Q6_K),
  IQ4_NL(
      25,
      GgmlType.IQ4_NL,
      rule("attn_v", When.SHARED_HEADS, GgmlType.Q5_K),
      rule("ffn_down", When.FIRST_EIGHTH_UNWEIGHTED, GgmlType.Q5_K)),
  IQ4_XS(
      30,
      GgmlType.IQ4_XS,
      rule("attn_v", When.SHARED_HEADS, GgmlType.Q5_K),
      rule("ffn_down", When.FIRST_EIGHTH_UNWEIGHTED, GgmlType.Q5_K)),
  TQ1_0(36, GgmlType.TQ1_0),
  TQ2_0(37, GgmlType.TQ2_0);

  /**
   * Where a tensor stands.
   *
   * @param layer index of its layer
   * @param layers number of layers
   * @param queriesPerKey query heads per key/value head
   * @param weighted an importance matrix is used
   */
  record Place(int layer, int layers, int queriesPerKey, boolean weighted) {
    boolean firstEighth() {
      return layer < layers / 8;
    }
  }

  private enum When {
    ALWAYS,
    FIRST_TWO,
    FIRST_FOUR,
    FIRST_SIXTEENTH,
    FIRST_EIGHTH,
    FIRST_EIGHTH_WEIGHTED,
    FIRST_EIGHTH_UNWEIGHTED,
    /** First and last eighth and every third layer between. */
    SENSITIVE_LAYERS,
    /** At least four query heads share a key/value head, so that v is small. */
    SHARED_HEADS;

    boolean holds(Place p) {
      return switch (this) {
        case ALWAYS -> true;
        case FIRST_TWO -> p.layer < 2;
        case FIRST_FOUR -> p.layer < 4;
        case FIRST_SIXTEENTH -> p.layer < p.layers / 16;
        case FIRST_EIGHTH -> p.firstEighth();
        case FIRST_EIGHTH_WEIGHTED -> p.firstEighth() && p.weighted;
        case FIRST_EIGHTH_UNWEIGHTED -> p.firstEighth() && !p.weighted;
        case SENSITIVE_LAYERS ->
            p.firstEighth() || p.layer >= 7 * p.layers / 8 || (p.layer - p.layers / 8) % 3 == 2;
        case SHARED_HEADS -> p.queriesPerKey >= 4;
      };
    }
  }

  private record Rule(String role, When when, GgmlType type) {}

  private final int fileType;
  private final GgmlType base;

  @SuppressWarnings("ImmutableEnumChecker") // an immutable list of immutable records
  private final List<Rule> rules;

  GgufMix(int fileType, GgmlType base, Rule... rules) {
    this.fileType = fileType;
    this.base = base;
    this.rules = List.of(rules);
  }

  private static Rule rule(String role, When when, GgmlType type) {
    return new Rule(role, when, type);
  }

  /** Value of {@code general.file_type}. */
  public int fileType() {
    return fileType;
  }

  /** Type of most tensors. */
  public GgmlType base() {
    return base;
  }

  /** True when the mix is only usable with an importance matrix. */
  public boolean needsImportance() {
    return this == Q2_K_S;
  }

  /** Type of the head (or of a tied embedding). */
  GgmlType headType() {
    return !base.isQuantized() || base == GgmlType.Q8_0 ? base : GgmlType.Q6_K;
  }

  /** Type of an embedding that is not the head as well. */
  GgmlType embeddingType() {
    return base == GgmlType.TQ1_0 || base == GgmlType.TQ2_0 ? GgmlType.Q4_K : base;
  }

  /** Type of a layer's matrix with that role, as {@code ffn_down}. */
  GgmlType typeOf(String role, Place place) {
    for (Rule rule : rules) {
      if (rule.role().equals(role) && rule.when().holds(place)) {
        return rule.type();
      }
    }
    return base;
  }

  /**
   * The type closest to {@code type} whose blocks fit into rows of {@code columns} elements: a
   * 32-element type of similar size, or F16.
   */
  static GgmlType fitting(GgmlType type, long columns) {
    if (columns % type.blockElements() == 0) {
      return type;
    }
    GgmlType small =
        switch (type) {
          case Q2_K, Q3_K, IQ4_XS -> GgmlType.IQ4_NL;
          case Q4_K -> GgmlType.Q5_0;
          case Q5_K -> GgmlType.Q5_1;
          case Q6_K -> GgmlType.Q8_0;
          case TQ1_0, TQ2_0 -> GgmlType.Q4_0;
          default -> GgmlType.F16;
        };
    return columns % small.blockElements() == 0 ? small : GgmlType.F16;
  }
}
