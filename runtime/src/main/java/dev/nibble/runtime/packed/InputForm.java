package dev.nibble.runtime.packed;

/**
 * What a weight wants beside each rounded block of an input: with mins the sum of the rounded
 * values, to be multiplied by the min; else what its unsigned codes make too much.
 *
 * @param mins whether the correction is {@code scale · Σ codes}, a float; else it is {@code −offset
 *     · Σ codes}, an int
 * @param offset code of 0; 0 with mins
 * @param factor power of two that every scale of the input is multiplied with
 */
public record InputForm(boolean mins, int offset, float factor) {

  /** The form for a weight. */
  public static InputForm of(PackedWeights weight) {
    return new InputForm(weight.format().mins(), weight.format().offset(), weight.factor());
  }
}
