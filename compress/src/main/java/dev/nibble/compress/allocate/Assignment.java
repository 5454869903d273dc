package dev.nibble.compress.allocate;

import dev.nibble.core.spec.QuantSpec;
import java.util.Arrays;
import java.util.List;

/** What an allocate step decided for the weight of a site. */
public sealed interface Assignment {

  /** The weight stays as it is, 16-bit. */
  record Kept() implements Assignment {}

  /** One spec for the whole weight. */
  record Uniform(QuantSpec spec) implements Assignment {}

  /**
   * Rows (output features) of several specs.
   *
   * @param specs the classes
   * @param rowClass class of each row, an index into {@code specs}
   */
  record Rows(List<QuantSpec> specs, int[] rowClass) implements Assignment {
    /** Copies, and checks the classes. */
    public Rows {
      specs = List.copyOf(specs);
      rowClass = checked(rowClass, specs.size());
    }

    @Override
    public int[] rowClass() {
      return rowClass.clone();
    }
  }

  /**
   * Consecutive blocks of columns (input features) of several specs.
   *
   * @param specs the classes
   * @param blockColumns columns of a block; the last may be shorter
   * @param blockClass class of each block, an index into {@code specs}
   */
  record Columns(List<QuantSpec> specs, int blockColumns, int[] blockClass) implements Assignment {
    /** Copies, and checks the classes. */
    public Columns {
      specs = List.copyOf(specs);
      blockClass = checked(blockClass, specs.size());
      if (blockColumns < 1) {
        throw new IllegalArgumentException("blocks of " + blockColumns + " columns");
      }
    }

    @Override
    public int[] blockClass() {
      return blockClass.clone();
    }
  }

  private static int[] checked(int[] classes, int count) {
    if (Arrays.stream(classes).anyMatch(c -> c < 0 || c >= count)) {
      throw new IllegalArgumentException("a class beyond the " + count + " specs");
    }
    return classes.clone();
  }
}
