package dev.nibble.compress.transform;

import dev.nibble.compress.Step;
import dev.nibble.compress.StepFactory;
import dev.nibble.compress.recipe.OptionReader;

/** {@code rotate: { kind: hadamard | random | block, seed: N, online: [down, o, qk] }}. */
public final class RotateFactory implements StepFactory {
  @Override
  public String name() {
    return "rotate";
  }

  @Override
  public Taxonomy taxonomy() {
    return Taxonomy.TRANSFORM;
  }

  @Override
  public String summary() {
    return "turns the hidden space with Hadamard matrices so that outlier channels disappear";
  }

  @Override
  public String source() {
    return "QuaRot (Ashkboos et al. 2024)";
  }

  @Override
  public Step create(OptionReader options) {
    return new Rotate(RotationOptions.read(options));
  }
}
