package dev.nibble.compress.solve;

import dev.nibble.compress.StoredForm;
import dev.nibble.compress.allocate.Assignment;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.tensor.BandedTensor;
import dev.nibble.core.tensor.BandedTensor.Axis;
import dev.nibble.core.tensor.PackedTensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.LongFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * A weight cut into the parts that an assignment gives specs of their own: the rows of each class,
 * or the columns of each class of blocks, in their order; one part when a single spec has it all.
 * Several parts are stored side by side as a {@link BandedTensor}.
 */
public final class Parts {
  private final Axis axis;
  private final int unit;
  private final int[] order;
  private final List<Part> parts;

  /**
   * One part.
   *
   * @param spec how it is stored
   * @param members its rows or columns in the weight, ascending
   */
  public record Part(QuantSpec spec, int[] members) {}

  private Parts(Axis axis, int unit, int[] order, List<Part> parts) {
    this.axis = axis;
    this.unit = unit;
    this.order = order;
    this.parts = List.copyOf(parts);
  }

  /**
   * Cuts a weight.
   *
   * @param rows its outputs
   * @param columns its inputs
   * @throws IllegalArgumentException when the weight is to be kept, or the assignment is for
   *     another size
   */
  public static Parts of(Assignment assignment, int rows, int columns) {
    return switch (assignment) {
      case Assignment.Kept kept -> throw new IllegalArgumentException("a kept weight has no parts");
      case Assignment.Uniform uniform ->
          cut(Axis.ROWS, rows, rows, List.of(uniform.spec()), new int[1]);
      case Assignment.Rows r -> cut(Axis.ROWS, rows, 1, r.specs(), r.rowClass());
      case Assignment.Columns c ->
          cut(Axis.COLUMNS, columns, c.blockColumns(), c.specs(), c.blockClass());
    };
  }

  private static Parts cut(Axis axis, int length, int unit, List<QuantSpec> specs, int[] classes) {
    if (classes.length != Math.ceilDiv(length, unit)) {
      throw new IllegalArgumentException(
          "an assignment of " + classes.length + " classes to " + length + " " + axis);
    }
    List<Part> parts = new ArrayList<>();
    int[] order = new int[classes.length];
    int placed = 0;
    for (int k = 0; k < specs.size(); k++) {
      int which = k;
      int[] units = IntStream.range(0, classes.length).filter(u -> classes[u] == which).toArray();
      if (units.length > 0) {
        System.arraycopy(units, 0, order, placed, units.length);
        placed += units.length;
        int[] members =
            IntStream.of(units)
                .flatMap(u -> IntStream.range(u * unit, Math.min(length, (u + 1) * unit)))
                .toArray();
        parts.add(new Part(specs.get(k), members));
      }
    }
    return new Parts(axis, unit, order, parts);
  }

  /** The parts, in the order in which they are stored; none is empty. */
  public List<Part> parts() {
    return parts;
  }

  /** What the parts are parts of. */
  public Axis axis() {
    return axis;
  }

  /** As {@code rows(int8:channel:sym+int4:g128:asym)}; the spec alone when there is one part. */
  public String text() {
    return text(part -> part.spec().text());
  }

  private String text(Function<Part, String> each) {
    if (parts.size() == 1) {
      return each.apply(parts.getFirst());
    }
    return parts.stream()
        .map(each)
        .distinct()
        .collect(
            Collectors.joining("+", axis.name().toLowerCase(java.util.Locale.ROOT) + "(", ")"));
  }

  /** The form in which the weight is stored when each part takes the form of its spec. */
  public StoredForm form(Function<QuantSpec, StoredForm> each) {
    if (parts.size() == 1) {
      return each.apply(parts.getFirst().spec());
    }
    return new StoredForm() {
      @Override
      public String text() {
        return Parts.this.text(part -> each.apply(part.spec()).text());
      }

      @Override
      public PackedTensor sized(long[] shape, LongFunction<MemorySegment> empty) {
        return join(
            shape,
            parts.stream()
                .map(part -> each.apply(part.spec()).sized(shapeOf(part, shape), empty))
                .toList());
      }

      @Override
      public boolean exact() {
        return parts.stream().allMatch(part -> each.apply(part.spec()).exact());
      }
    };
  }

  /**
   * Solves each part by itself and joins the results.
   *
   * @param w {@code [rows, columns]}
   * @param solver gets the values of a part, {@code [its rows, its columns]}, not to be modified
   */
  public PackedTensor solve(
      float[] w, int rows, int columns, BiFunction<float[], Part, PackedTensor> solver) {
    if (parts.size() == 1) {
      return solver.apply(w, parts.getFirst());
    }
    return join(
        new long[] {rows, columns},
        parts.stream().map(part -> solver.apply(take(w, columns, part), part)).toList());
  }

  /** Values of a part of a matrix of {@code columns} columns, row-major. */
  public float[] take(float[] w, int columns, Part part) {
    int[] members = part.members();
    if (axis == Axis.ROWS) {
      float[] out = new float[Math.multiplyExact(members.length, columns)];
      for (int r = 0; r < members.length; r++) {
        System.arraycopy(w, members[r] * columns, out, r * columns, columns);
      }
      return out;
    }
    int rows = w.length / columns;
    float[] out = new float[Math.multiplyExact(rows, members.length)];
    for (int r = 0; r < rows; r++) {
      for (int c = 0; c < members.length; c++) {
        out[r * members.length + c] = w[r * columns + members[c]];
      }
    }
    return out;
  }

  /** Shape of a part of a weight of this shape. */
  public long[] shapeOf(Part part, long[] shape) {
    return axis == Axis.ROWS
        ? new long[] {part.members().length, shape[1]}
        : new long[] {shape[0], part.members().length};
  }

  /** The weight made of its stored parts. */
  public PackedTensor join(long[] shape, List<PackedTensor> stored) {
    return parts.size() == 1
        ? stored.getFirst()
        : BandedTensor.of(shape, axis, stored, unit, order);
  }
}
