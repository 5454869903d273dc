package dev.nibble.compress.allocate;

import dev.nibble.compress.Step;
import dev.nibble.compress.StepFactory;
import dev.nibble.compress.recipe.OptionReader;
import dev.nibble.core.NibbleException;
import java.util.List;

/** {@code size: { levels, bits, size, samples, tables }}. */
public final class SizeFactory implements StepFactory {
  private static final List<String> LEVELS =
      List.of(
          "int2:g64",
          "int2:g32",
          "int3:g128",
          "int3:g32",
          "int4:g128",
          "int4:g32",
          "int5:g128",
          "int6:g128",
          "int8:g128");

  @Override
  public String name() {
    return "size";
  }

  @Override
  public Taxonomy taxonomy() {
    return Taxonomy.ALLOCATE;
  }

  @Override
  public String summary() {
    return "The best levels for every weight that make a file of a given size";
  }

  @Override
  public String source() {
    return "Kullback-Leibler divergence by the Fisher information, and a knapsack over exact bytes";
  }

  @Override
  public Step create(OptionReader options) {
    return new SizeStep(
        Level.list(options, LEVELS),
        Budget.from(options)
            .orElseThrow(
                () ->
                    new NibbleException(
                        options.where() + ": expected size: or bits:, as size: 1.9MB")),
        options.integer("samples", 16, 1, 1 << 16),
        options.flag("tables", true),
        options.where());
  }
}
