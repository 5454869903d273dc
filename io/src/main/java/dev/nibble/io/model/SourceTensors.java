package dev.nibble.io.model;

import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.TensorLayout;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.tensor.PackedTensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The family's own tensors made of canonical ones: the way back from {@link TensorNames} to a
 * Hugging Face directory, for exports.
 */
public final class SourceTensors {
  private SourceTensors() {}

  /** What a tensor is in the network. */
  public enum Role {
    /** Matrix of a linear. */
    LINEAR,
    /** Table of tokens or positions. */
    TABLE,
    /** Gain of a norm, or a bias. */
    VECTOR
  }

  /**
   * A tensor of the family.
   *
   * @param module with the family's prefix, as {@code transformer.h.0.attn.c_attn}
   * @param suffix {@code weight} or {@code bias}
   * @param role what it is
   * @param rows rows in canonical orientation (output channels of a linear)
   * @param transposed the family stores the matrix {@code [in, out]}
   * @param offset what is added to the family's values to make the canonical ones
   * @param parts canonical tensors that it is made of
   */
  public record Source(
      String module,
      String suffix,
      Role role,
      int rows,
      boolean transposed,
      float offset,
      List<Part> parts) {

    /** {@code module.suffix}. */
    public String name() {
      return module + "." + suffix;
    }

    /** A canonical tensor that it is made of, with the family's values. */
    public PackedTensor stored(PackedTensor canonical) {
      return offset == 0 ? canonical : Offset.added(canonical, -offset);
    }

    /** True when it is one canonical tensor as it is. */
    public boolean isWhole() {
      return parts.size() == 1;
    }
  }

  /**
   * A canonical tensor in a source tensor.
   *
   * @param canonical its name
   * @param places for each of its rows the row in the source tensor
   */
  public record Part(String canonical, int[] places) {
    /** Copies the array. */
    public Part {
      places = places.clone();
    }

    @Override
    public int[] places() {
      return places.clone();
    }
  }

  /** Every tensor of the family that the configuration asks for, in execution order. */
  public static List<Source> of(ModelConfig config) {
    TensorTable table = table(config);
    Map<String, Source> out = new LinkedHashMap<>();
    Map<String, long[]> shapes = TensorLayout.all(config);
    table
        .places(config)
        .forEach(
            (canonical, place) -> {
              String module = table.full(place.module());
              Piece piece = place.piece();
              Source source =
                  out.computeIfAbsent(
                      module + place.suffix(),
                      n ->
                          new Source(
                              module,
                              place.suffix().substring(1),
                              role(canonical, shapes.get(canonical)),
                              Math.toIntExact(piece.sourceRows()),
                              piece.transposed(),
                              table.offset(canonical, shapes.get(canonical)),
                              new ArrayList<>()));
              source.parts().add(new Part(canonical, piece.takenRows()));
            });
    return List.copyOf(out.values());
  }

  /** The family's module of the head, whether it has a weight of its own or is tied. */
  public static String headModule(ModelConfig config) {
    return table(config).ends().get(TensorNames.HEAD);
  }

  private static TensorTable table(ModelConfig config) {
    return Families.find(config.family()).orElseThrow().tensors().apply(config);
  }

  private static Role role(String canonical, long[] shape) {
    if (shape.length == 1) {
      return Role.VECTOR;
    }
    boolean table =
        canonical.startsWith(TensorNames.EMBEDDING + ".")
            || canonical.startsWith(TensorNames.TYPES + ".")
            || canonical.startsWith(TensorNames.POSITIONS + ".");
    return table ? Role.TABLE : Role.LINEAR;
  }
}
