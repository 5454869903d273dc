package dev.nibble.compress.solve;

import dev.nibble.compress.Step;
import dev.nibble.compress.StepFactory;
import dev.nibble.compress.recipe.OptionReader;
import dev.nibble.core.NibbleException;
import dev.nibble.core.spec.QuantSpec;

/**
 * {@code quip: { spec, incoherence, rescale, qfn, sigmas, rounding, npasses, unbiased,
 * damp_percent, true_sequential, seed, runtime_rotation, grid, clip, clip_norm, targets, ignore,
 * per_module, embedding, head }}.
 */
public final class QuipFactory implements StepFactory {
  @Override
  public String name() {
    return "quip";
  }

  @Override
  public Taxonomy taxonomy() {
    return Taxonomy.SOLVE;
  }

  @Override
  public String summary() {
    return "turns each linear by random maps and rounds it with feedback, down to 2 bits";
  }

  @Override
  public String source() {
    return "QuIP (Chee et al. 2023)";
  }

  @Override
  public Step create(OptionReader options) {
    QuipOptions quip = QuipOptions.from(options);
    return new QuipStep(
        SolveTargets.from(options, quip.gridOptions(), spec -> check(spec, options.where())), quip);
  }

  private static void check(QuantSpec spec, String where) {
    if (!spec.affine()) {
      throw new NibbleException(
          where
              + ": quip rounds to even steps, not to "
              + spec.text()
              + "; use an int spec, as int2:tensor");
    }
  }
}
