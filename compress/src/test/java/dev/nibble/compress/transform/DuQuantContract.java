package dev.nibble.compress.transform;

import dev.nibble.compress.Step;

/** The step duquant with blocks much narrower than the inputs. */
class DuQuantContract extends TransformContract {
  @Override
  Step transform() {
    return new DuQuant(
        new DuQuantOptions(
            8, 40, 1, DuQuantOptions.Permutation.ZIGZAG, DuQuantOptions.Rotation.GREEDY, 64, 3));
  }
}
