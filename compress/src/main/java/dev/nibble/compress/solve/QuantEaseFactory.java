package dev.nibble.compress.solve;

import dev.nibble.compress.Step;
import dev.nibble.compress.StepFactory;
import dev.nibble.compress.recipe.OptionReader;
import dev.nibble.core.NibbleException;
import dev.nibble.core.spec.QuantSpec;

/**
 * {@code quantease: { spec, init, iterations, relax_every, act_order, static_groups,
 * true_sequential, block_size, damp_percent, outliers, structure, alpha, grid, clip, clip_norm,
 * targets, ignore, per_module, embedding, head }}.
 */
public final class QuantEaseFactory implements StepFactory {

  @Override
  public String name() {
    return "quantease";
  }

  @Override
  public Taxonomy taxonomy() {
    return Taxonomy.SOLVE;
  }

  @Override
  public String summary() {
    return "Sweeps over the weights and rounds each to its best value given the others";
  }

  @Override
  public String source() {
    return "Behdin et al., 2023, arXiv:2309.01885";
  }

  @Override
  public Step create(OptionReader options) {
    QuantEaseOptions quantEase = QuantEaseOptions.from(options);
    return new QuantEaseStep(
        SolveTargets.from(
            options, quantEase.rounding(), spec -> requireIntegers(spec, options.where())),
        quantEase);
  }

  private static void requireIntegers(QuantSpec spec, String where) {
    if (!spec.affine()) {
      throw new NibbleException(
          where
              + ": quantease descends on integer grids, not on "
              + spec.text()
              + "; use an int spec, or the step rtn");
    }
  }
}
