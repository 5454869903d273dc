package dev.nibble.compress.tune;

/** Rungs of the ladder from doing nothing to full PV-Tuning (Malinovskii et al. 2024, table 2). */
enum PvStrategy {
  /** Nothing changes. */
  NONE,
  /** Values change, codes stay. */
  CONTINUOUS_ONLY,
  /** All codes are projected after a small step, so that practically none changes. */
  NAIVE_LINEARIZED,
  /** As before, but projected at random onto one of the two nearest. */
  STOCHASTIC_ROUNDING,
  /** A latent weight collects updates, and everything is projected each time (straight-through). */
  STE,
  /** Few groups take a large step from where they are. */
  SUBSPACE,
  /** Few groups take a large step from where their accumulated updates have brought them. */
  SUBSPACE_BUFFERS;

  boolean movesCodes() {
    return this != NONE && this != CONTINUOUS_ONLY;
  }

  /** True when codes follow a step of the size that values take. */
  boolean smallSteps() {
    return this == NAIVE_LINEARIZED || this == STOCHASTIC_ROUNDING;
  }

  double defaultShare() {
    return this == SUBSPACE || this == SUBSPACE_BUFFERS ? 1e-2 : 1;
  }

  double defaultDecay() {
    return this == STE || this == SUBSPACE_BUFFERS ? 0 : 1;
  }
}
