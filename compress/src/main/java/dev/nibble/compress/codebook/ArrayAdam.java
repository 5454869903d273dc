package dev.nibble.compress.codebook;

import java.util.Map;

/**
 * Adam on a plain array (Kingma and Ba 2015), with the running maximum of the second moment where
 * asked (AMSGrad, Reddi et al. 2018).
 */
public final class ArrayAdam {
  private final Rule rule;
  private final float[] first;
  private final float[] second;
  private final float[] highest;
  private final int[] steps = new int[1];

  /**
   * How it goes.
   *
   * @param rate learning rate
   * @param beta1 decay of the mean
   * @param beta2 decay of the mean square
   * @param epsilon added to the root
   * @param amsgrad divides by the largest mean square so far
   */
  public record Rule(double rate, double beta1, double beta2, double epsilon, boolean amsgrad) {}

  /** Nothing seen yet. */
  public ArrayAdam(Rule rule, int size) {
    this.rule = rule;
    this.first = new float[rule.beta1() > 0 ? size : 0];
    this.second = new float[size];
    this.highest = new float[rule.amsgrad() ? size : 0];
  }

  /** Live arrays that a checkpoint keeps, by name. */
  public Map<String, Object> state() {
    return Map.of("first", first, "second", second, "highest", highest, "steps", steps);
  }

  /** Changes {@code values} by one step against {@code gradient}. */
  public void step(float[] values, float[] gradient) {
    int steps = ++this.steps[0];
    float b1 = (float) rule.beta1();
    float b2 = (float) rule.beta2();
    float rate = (float) (rule.rate() / (1 - Math.pow(rule.beta1(), steps)));
    float correction = (float) Math.sqrt(1 - Math.pow(rule.beta2(), steps));
    float epsilon = (float) rule.epsilon();
    for (int i = 0; i < values.length; i++) {
      float g = gradient[i];
      second[i] = b2 * second[i] + (1 - b2) * g * g;
      float square = second[i];
      if (highest.length > 0) {
        highest[i] = Math.max(highest[i], square);
        square = highest[i];
      }
      float direction = g;
      if (first.length > 0) {
        first[i] = b1 * first[i] + (1 - b1) * g;
        direction = first[i];
      }
      values[i] -= rate * direction / ((float) Math.sqrt(square) / correction + epsilon);
    }
  }
}
