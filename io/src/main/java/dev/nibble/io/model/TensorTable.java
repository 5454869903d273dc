package dev.nibble.io.model;

import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.TensorLayout;
import dev.nibble.core.model.TensorNames;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * Where a family keeps the canonical tensors.
 *
 * @param prefix first part of all names but the head's; checkpoints of the bare base model lack it
 * @param ends canonical module (or a single tensor of it) to source module outside the blocks
 * @param blocks path of the blocks, as {@code layers}; a block is {@code prefix + blocks + "." + N}
 * @param parts canonical part to source part inside a block; q, k and v may be given by one entry
 *     {@link #QKV}
 * @param qkv how a fused projection is laid out
 * @param transposedLinears matrices of blocks are stored {@code [in, out]}
 * @param unitOffset gains of norms are stored minus 1
 */
record TensorTable(
    String prefix,
    Map<String, String> ends,
    String blocks,
    Map<String, String> parts,
    Fused qkv,
    boolean transposedLinears,
    boolean unitOffset) {

  /** A table whose norms are stored as they are. */
  TensorTable(
      String prefix,
      Map<String, String> ends,
      String blocks,
      Map<String, String> parts,
      Fused qkv,
      boolean transposedLinears) {
    this(prefix, ends, blocks, parts, qkv, transposedLinears, false);
  }

  /** First parts of the names of heads. */
  private static final Set<String> BESIDE =
      Set.of(
          "lm_head",
          "embed_out",
          "cls",
          "classifier",
          "generator_predictions",
          "generator_lm_head");

  /** Key of the fused q/k/v projection in {@link #parts}. */
  static final String QKV = "qkv";

  /** Key of the gate projections of experts; {@code *} in the source part is the expert. */
  static final String EXPERT_GATE = TensorNames.EXPERTS + ".gate_proj";

  /** Key of their up projections. */
  static final String EXPERT_UP = TensorNames.EXPERTS + ".up_proj";

  /** Key of their down projections. */
  static final String EXPERT_DOWN = TensorNames.EXPERTS + ".down_proj";

  /** Order of the rows of a fused projection. */
  enum Fused {
    /** Three separate projections. */
    NONE,
    /** All of q, then all of k, then all of v. */
    STACKED,
    /**
     * For each key/value head: the query heads that read it, the key head, the value head. With as
     * many key/value heads as query heads that is q, k, v head by head.
     */
    GROUPED
  }

  /**
   * A canonical tensor in the source.
   *
   * @param module source module, without the prefix
   * @param suffix {@code .weight} or {@code .bias}; empty for stacked experts
   * @param piece the rows that it is
   * @param stack matrices that are stacked in the tensor, whose shape is {@code [stack, rows,
   *     columns]}; 0 for a tensor without that axis
   */
  record Place(String module, String suffix, Piece piece, int stack) {
    Place(String module, String suffix, Piece piece) {
      this(module, suffix, piece, 0);
    }

    /** Shape of the stored tensor when the canonical one has {@code shape}. */
    long[] sourceShape(long[] shape) {
      long[] rows = piece.sourceShape(shape);
      return stack == 0 ? rows : new long[] {stack, rows[0] / stack, rows[1]};
    }
  }

  /**
   * This table, or the one for the file at hand when it keeps the experts of a layer stacked: gate
   * and up below each other in {@code [experts, 2 * expertSize, hidden]}, down in {@code [experts,
   * hidden, expertSize]}.
   *
   * @param stored names of the file's tensors
   */
  TensorTable storedIn(Set<String> stored) {
    boolean stacked = stored.stream().anyMatch(name -> name.endsWith(".mlp.experts.gate_up_proj"));
    if (!stacked || !parts.containsKey(EXPERT_GATE)) {
      return this;
    }
    Map<String, String> all = new HashMap<>(parts);
    all.put(TensorNames.ROUTER, "mlp.gate");
    all.put(EXPERT_GATE, "mlp.experts.gate_up_proj");
    all.put(EXPERT_UP, "mlp.experts.gate_up_proj");
    all.put(EXPERT_DOWN, "mlp.experts.down_proj");
    return new TensorTable(
        prefix, ends, blocks, Map.copyOf(all), qkv, transposedLinears, unitOffset);
  }

  /** Place of every tensor that the configuration asks for. */
  Map<String, Place> places(ModelConfig config) {
    Map<String, Place> out = new LinkedHashMap<>();
    TensorLayout.all(config).forEach((name, shape) -> out.put(name, place(config, name, shape)));
    return out;
  }

  /** The module's full name: those that make up a head stand beside the base model. */
  String full(String module) {
    return BESIDE.contains(module.split("\\.", 2)[0]) ? module : prefix + module;
  }

  /** What is added to the stored values of a canonical tensor: 1 for gains stored minus 1. */
  float offset(String canonical, long[] shape) {
    return unitOffset && shape.length == 1 && canonical.endsWith(".weight") ? 1 : 0;
  }

  private Place place(ModelConfig config, String name, long[] shape) {
    int dot = name.lastIndexOf('.');
    String module = name.substring(0, dot);
    String suffix = name.substring(dot);
    String inBlocks = "model.layers.";
    if (!module.startsWith(inBlocks)) {
      // a tensor may lie apart from the others of its module
      String source = ends.getOrDefault(name, ends.get(module));
      return new Place(source, suffix, Piece.whole(shape[0]));
    }
    int end = module.indexOf('.', inBlocks.length());
    String block = blocks + "." + module.substring(inBlocks.length(), end) + ".";
    String part = module.substring(end + 1);
    if (part.startsWith(TensorNames.EXPERTS + ".")) {
      return expert(config, block, part, suffix, shape[0]);
    }
    boolean transposed = transposedLinears && shape.length == 2;
    if (qkv != Fused.NONE && fusedIndex(part) >= 0) {
      Piece piece = fused(config, fusedIndex(part)).transposed(transposed);
      return new Place(block + parts.get(QKV), suffix, piece);
    }
    return new Place(block + parts.get(part), suffix, Piece.whole(shape[0]).transposed(transposed));
  }

  /** {@code part} is {@code mlp.experts.7.up_proj}. */
  private Place expert(ModelConfig config, String block, String part, String suffix, long rows) {
    int dot = part.lastIndexOf('.');
    String index = part.substring(TensorNames.EXPERTS.length() + 1, dot);
    String leaf = part.substring(dot);
    String source = parts.get(TensorNames.EXPERTS + leaf);
    if (source.contains("*")) {
      return new Place(block + source.replace("*", index), suffix, Piece.whole(rows));
    }
    int experts = config.moe().experts();
    boolean down = leaf.equals(".down_proj");
    long each = down ? rows : 2 * rows;
    long first = Long.parseLong(index) * each + (leaf.equals(".up_proj") ? rows : 0);
    return new Place(block + source, "", Piece.rows(experts * each, first, rows), experts);
  }

  private static int fusedIndex(String part) {
    return switch (part) {
      case TensorNames.Q -> 0;
      case TensorNames.K -> 1;
      case TensorNames.V -> 2;
      default -> -1;
    };
  }

  private Piece fused(ModelConfig config, int which) {
    long q = config.qSize();
    long kv = config.kvSize();
    long all = q + 2 * kv;
    if (qkv == Fused.STACKED) {
      long first = which == 0 ? 0 : which == 1 ? q : q + kv;
      return Piece.rows(all, first, which == 0 ? q : kv);
    }
    long groups = config.kvHeads();
    long queries = q / groups;
    long width = config.headDim();
    long first = which == 0 ? 0 : which == 1 ? queries : queries + width;
    return new Piece(all, first, which == 0 ? queries : width, queries + 2 * width, groups, false);
  }
}
