package dev.nibble.compress.solve;

import dev.nibble.compress.Step;
import dev.nibble.compress.StepFactory;
import dev.nibble.compress.recipe.OptionReader;
import dev.nibble.core.NibbleException;
import dev.nibble.core.spec.Granularity;
import dev.nibble.core.spec.QuantSpec;

/**
 * {@code spqr: { spec, outlier_threshold, outlier_share, simplified_outliers, scale_rows,
 * scale_bits, zero_bits, round_zero, permutation_order, damp_percent, true_sequential, block_size,
 * targets, ignore, per_module, embedding, head }}.
 */
public final class SpqrFactory implements StepFactory {

  @Override
  public String name() {
    return "spqr";
  }

  @Override
  public Taxonomy taxonomy() {
    return Taxonomy.SOLVE;
  }

  @Override
  public String summary() {
    return "Keeps the weights whose rounding hurts most, and codes the scales of small groups";
  }

  @Override
  public String source() {
    return "Dettmers et al., ICLR 2024, arXiv:2306.03078";
  }

  @Override
  public Step create(OptionReader options) {
    SpqrOptions spqr = SpqrOptions.from(options);
    return new SpqrStep(
        SolveTargets.from(options, spqr.rounding(), spec -> check(spec, options.where())), spqr);
  }

  private static void check(QuantSpec spec, String where) {
    if (!spec.affine() || spec.granularity() == Granularity.TENSOR) {
      throw new NibbleException(
          where
              + ": spqr solves integers in groups or channels, not "
              + spec.text()
              + "; use int3:g16, say, or the step rtn");
    }
  }
}
