package dev.nibble.compress.allocate;

import dev.nibble.compress.Step;
import dev.nibble.compress.StepFactory;
import dev.nibble.compress.recipe.OptionReader;

/**
 * {@code ohq: { levels, bits, size, max_latency, alpha, beta, mask_mode, mask_ratio, calib, ... }}.
 */
public final class OhqFactory implements StepFactory {
  @Override
  public String name() {
    return "ohq";
  }

  @Override
  public Taxonomy taxonomy() {
    return Taxonomy.ALLOCATE;
  }

  @Override
  public String summary() {
    return "Widths for every linear by its importance and its measured time on this machine (OHQ)";
  }

  @Override
  public String source() {
    return "On-Chip Hardware-aware Quantization, Huang et al. 2023";
  }

  @Override
  public Step create(OptionReader options) {
    return new OhqStep(OhqOptions.read(options));
  }
}
