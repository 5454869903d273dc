package dev.nibble.compress.solve;

import dev.nibble.compress.Step;
import dev.nibble.compress.StepFactory;
import dev.nibble.compress.recipe.OptionReader;
import dev.nibble.core.NibbleException;
import dev.nibble.core.format.Binary;
import dev.nibble.core.spec.QuantSpec;

/**
 * {@code billm: { block_size, salient_metric, max_salient_columns, variant, compensate,
 * damp_percent, use_mean, scale, true_sequential, targets, ignore, per_module, embedding, head }}.
 */
public final class BillmFactory implements StepFactory {

  @Override
  public String name() {
    return "billm";
  }

  @Override
  public Taxonomy taxonomy() {
    return Taxonomy.SOLVE;
  }

  @Override
  public String summary() {
    return "Binarizes weights: salient columns in two layers, the rest in small and large ones";
  }

  @Override
  public String source() {
    return "Huang et al., ICML 2024, arXiv:2402.04291";
  }

  @Override
  public Step create(OptionReader options) {
    BillmOptions billm = BillmOptions.from(options);
    QuantSpec form = QuantSpec.parse("binary:g" + billm.blockSize());
    return new BillmStep(
        SolveTargets.withForm(options, form, spec -> requireBinary(spec, options.where())), billm);
  }

  /** Refuses every spec but a binary one, which stands for the step's own form. */
  static void requireBinary(QuantSpec spec, String where) {
    if (!(spec.format() instanceof Binary)) {
      throw new NibbleException(
          where
              + ": billm stores every weight in its own binary form, not as "
              + spec.text()
              + "; ignore the site here and store it with gptq or rtn, or write none",
          NibbleException.USAGE,
          null);
    }
  }
}
