package dev.nibble.compress;

import dev.nibble.compress.recipe.OptionReader;

/** Makes steps of one kind from recipe options; found through {@link java.util.ServiceLoader}. */
public interface StepFactory {

  /** Recipe key, as {@code gptq}. */
  String name();

  /** Place in the field's taxonomy; also the name of the package the step lives in. */
  Taxonomy taxonomy();

  /** One line for {@code nibble methods}. */
  String summary();

  /** Paper or other source. */
  String source();

  /**
   * Validates the options and makes the step.
   *
   * @param options typed access to the recipe's options; unknown keys are reported by the caller
   *     after this returns
   * @throws dev.nibble.core.NibbleException naming the option, what was found and what is allowed
   */
  Step create(OptionReader options);

  /** Rooms of the taxonomy. */
  enum Taxonomy {
    CALIBRATE,
    TRANSFORM,
    ALLOCATE,
    SOLVE,
    TUNE,
    ACTIVATION,
    KVCACHE,
    VQ
  }
}
