package dev.nibble.compress.solve;

import dev.nibble.compress.Step;
import dev.nibble.compress.StepFactory;
import dev.nibble.compress.recipe.OptionReader;

/**
 * {@code jlcm: { bits, groups, mode, init, learn, grad, neighbors, iters, lr_codebook, lr_mapping,
 * batch_size, targets, ignore, embedding, head }}.
 */
public final class JlcmFactory implements StepFactory {

  @Override
  public String name() {
    return "jlcm";
  }

  @Override
  public Taxonomy taxonomy() {
    return Taxonomy.SOLVE;
  }

  @Override
  public String summary() {
    return "Learns codebooks and the index of every weight together";
  }

  @Override
  public String source() {
    return "Yvinec et al., ICLR 2024, arXiv:2309.17361";
  }

  @Override
  public Step create(OptionReader options) {
    return new JlcmStep(SolveTargets.choosing(options), JlcmOptions.from(options));
  }
}
