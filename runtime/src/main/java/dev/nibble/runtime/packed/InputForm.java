package dev.nibble.runtime.packed;

import dev.nibble.core.tensor.PackedFormat;

/**
 * What a weight wants beside each rounded block of an input, for each part that has a scale of its
 * own: with mins the sum of the rounded values, to be multiplied by the min; else what its unsigned
 * codes make too much.
 *
 * @param parts corrections of a block: 1 or 2
 * @param mins whether the correction is {@code scale · Σ codes}, a float; else it is {@code −offset
 *     · Σ codes}, an int
 * @param offset code of 0; 0 with mins
 * @param factor power of two that every scale of the input is multiplied with
 */
public record InputForm(int parts, boolean mins, int offset, float factor) {

  /** The form for a weight. */
  public static InputForm of(PackedWeights weight) {
    PackedFormat format = weight.format();
    return new InputForm(format.parts(), format.mins(), format.offset(), weight.factor());
  }
}
