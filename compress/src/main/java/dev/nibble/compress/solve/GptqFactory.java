package dev.nibble.compress.solve;

import dev.nibble.compress.Step;
import dev.nibble.compress.StepFactory;
import dev.nibble.compress.recipe.OptionReader;
import dev.nibble.core.NibbleException;
import dev.nibble.core.spec.QuantSpec;

/**
 * {@code gptq: { spec, damp_percent, act_order, static_groups, true_sequential, block_size, grid,
 * clip, clip_norm, salience, fallback, targets, ignore, per_module, embedding, head }}.
 */
public final class GptqFactory implements StepFactory {

  @Override
  public String name() {
    return "gptq";
  }

  @Override
  public Taxonomy taxonomy() {
    return Taxonomy.SOLVE;
  }

  @Override
  public String summary() {
    return "Rounds column by column and lets later columns make up for the error";
  }

  @Override
  public String source() {
    return "Frantar et al., ICLR 2023, arXiv:2210.17323";
  }

  @Override
  public Step create(OptionReader options) {
    GptqOptions gptq = GptqOptions.from(options);
    return new GptqStep(
        SolveTargets.from(options, gptq.rounding(), spec -> requireIntegers(spec, options.where())),
        gptq);
  }

  private static void requireIntegers(QuantSpec spec, String where) {
    if (!spec.affine()) {
      throw new NibbleException(
          where
              + ": gptq compensates on integer grids, not on "
              + spec.text()
              + "; use an int spec, or the step rtn");
    }
  }
}
