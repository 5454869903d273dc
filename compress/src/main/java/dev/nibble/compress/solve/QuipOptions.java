package dev.nibble.compress.solve;

import dev.nibble.compress.recipe.OptionReader;
import dev.nibble.core.rounding.RoundingOptions;

/**
 * Options of {@code quip}.
 *
 * @param incoherence what mixes a linear's inputs and outputs
 * @param rescale balance the input channels first
 * @param qfn grid of the rounding
 * @param sigmas reach of the grid of {@link Qfn#B} in root mean squares of the matrix
 * @param rounding how codes are chosen
 * @param passes greedy passes over the columns
 * @param unbiased round up or down at random, so that the mean is right
 * @param dampPercent damping before factoring, as a fraction of the mean diagonal
 * @param trueSequential gather each stage's inputs after the stages before it are solved
 * @param seed of the random maps, or -1 to take the recipe's
 * @param runTime what run time does about the maps
 * @param gridOptions grid flavour and clip search of {@link Qfn#A}
 */
record QuipOptions(
    Mixing incoherence,
    boolean rescale,
    Qfn qfn,
    double sigmas,
    Rounding rounding,
    int passes,
    boolean unbiased,
    double dampPercent,
    boolean trueSequential,
    long seed,
    RunTime runTime,
    RoundingOptions gridOptions) {

  /** Random orthogonal maps. */
  enum Mixing {
    /** Permutations around a Kronecker product of two small matrices; stored as a seed. */
    KRON,
    /** Random signs and a Hadamard matrix, of the largest power of two where there is none. */
    HADAMARD,
    /** A matrix without structure, stored as a seed, drawn in n³ at load. */
    DENSE,
    /** None: plain adaptive rounding. */
    NONE
  }

  /** Grid. */
  enum Qfn {
    /** As the spec says, from the extremes of each row or group. */
    A,
    /**
     * One scale, a multiple of the root mean square of the matrix; values on both sides of zero.
     */
    B
  }

  /** How codes are chosen. */
  enum Rounding {
    NEAREST,
    LDLQ,
    LDLQ_GREEDY,
    GREEDY;

    boolean feedback() {
      return this == LDLQ || this == LDLQ_GREEDY;
    }

    boolean passes() {
      return this == LDLQ_GREEDY || this == GREEDY;
    }
  }

  /** What run time does about the maps. */
  enum RunTime {
    /** Runs them around the stored codes. */
    ONLINE,
    /** Nothing: the weight is stored turned back, in half precision, 16 bits a weight. */
    DENSE
  }

  static QuipOptions from(OptionReader options) {
    return new QuipOptions(
        options.choice("incoherence", Mixing.KRON, Mixing.class),
        options.flag("rescale", true),
        options.choice("qfn", Qfn.B, Qfn.class),
        options.real("sigmas", 2.4, 0.5, 16),
        options.choice("rounding", Rounding.LDLQ_GREEDY, Rounding.class),
        options.integer("npasses", 1, 0, 1000),
        options.flag("unbiased", false),
        options.real("damp_percent", 0.01, 0, 1),
        options.flag("true_sequential", true),
        options.whole("seed", -1),
        options.choice("runtime_rotation", RunTime.ONLINE, RunTime.class),
        SolveTargets.rounding(options));
  }

  /** True when the weight is stored as its spec says. */
  boolean asSpec() {
    return qfn == Qfn.A && runTime == RunTime.ONLINE;
  }
}
