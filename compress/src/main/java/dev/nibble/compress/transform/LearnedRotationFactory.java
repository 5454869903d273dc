package dev.nibble.compress.transform;

import dev.nibble.compress.Step;
import dev.nibble.compress.StepFactory;
import dev.nibble.compress.recipe.OptionReader;

/**
 * {@code learned_rotation: { kind, seed, online: [down, qk], steps: 100, lr: 1.5, batch: 8, length,
 * a_bits: 4, a_clip_ratio: 0.9, w_bits: 0, values: true, objective: ce | kl, held_out: 0.125 }}.
 */
public final class LearnedRotationFactory implements StepFactory {
  @Override
  public String name() {
    return "learned_rotation";
  }

  @Override
  public Taxonomy taxonomy() {
    return Taxonomy.TRANSFORM;
  }

  @Override
  public String summary() {
    return "turns the hidden space with rotations that are learned on calibration text";
  }

  @Override
  public String source() {
    return "SpinQuant (Liu et al. 2024)";
  }

  @Override
  public Step create(OptionReader options) {
    return new LearnedRotation(LearnOptions.read(options));
  }
}
