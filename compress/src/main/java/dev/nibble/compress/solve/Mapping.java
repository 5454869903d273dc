package dev.nibble.compress.solve;

import dev.nibble.compress.codebook.CodebookMatrix;

/**
 * Which codeword each weight takes, relaxed to logits over the present codeword and its neighbours
 * in sorted order (sheet 40, step 3). The forward pass takes the largest; its neighbours gain or
 * lose by the gradient of the weight. Where another one gets ahead, the window moves along.
 *
 * <p>The proximal rule keeps the sign of softmax's gradient and replaces the distance of a codeword
 * from the mean by a falling function of it: {@code g · p · sign(C − C̄) · Δ² / (|C − C̄| + Δ)}
 * with Δ the smallest gap of the codebook.
 */
final class Mapping {
  /** The present codeword starts with this probability among its neighbours. */
  private static final double START = 0.9;

  private static final float BETA1 = 0.9f;
  private static final float BETA2 = 0.99f;
  private static final float EPSILON = 1e-12f;

  private final CodebookMatrix matrix;
  private final JlcmOptions options;
  private final int width;
  private final float low;

  /** {@code [weights, width]}: logit relative to the present codeword's at the start. */
  private final float[] logits;

  private final float[] first;
  private final float[] second;
  private int steps;

  Mapping(CodebookMatrix matrix, JlcmOptions options) {
    this.matrix = matrix;
    this.options = options;
    this.width = 2 * options.neighbours() + 1;
    this.low = (float) -Math.log(START / (1 - START) * (width - 1));
    int weights = matrix.rows() * matrix.columns();
    this.logits = new float[weights * width];
    for (int i = 0; i < logits.length; i++) {
      logits[i] = i % width == options.neighbours() ? 0 : low;
    }
    this.first = new float[logits.length];
    this.second = new float[logits.length];
  }

  /**
   * Gradients of the logits of one weight.
   *
   * @param levels codewords of the window
   * @param p their probabilities
   * @param slope gradient with respect to the weight before scaling
   * @param gap Δ
   * @param out set
   */
  static void gradients(
      float[] levels,
      float[] p,
      int count,
      float slope,
      float gap,
      JlcmOptions.Gradient kind,
      float[] out) {
    float mean = 0;
    for (int k = 0; k < count; k++) {
      mean += p[k] * levels[k];
    }
    for (int k = 0; k < count; k++) {
      float distance = levels[k] - mean;
      out[k] =
          slope
              * p[k]
              * (kind == JlcmOptions.Gradient.PLAIN
                  ? distance
                  : Math.signum(distance) * phi(Math.abs(distance), gap));
    }
  }

  /** {@code Δ² / (d + Δ)}, falling in d; 0 where there is no gap. */
  static float phi(float distance, float gap) {
    return gap == 0 ? 0 : gap * gap / (distance + gap);
  }

  /**
   * Moves all logits by a step of Adam, and codes after them.
   *
   * @param gradient with respect to the weight, row-major
   * @return number of weights with another codeword
   */
  int step(float[] gradient) {
    steps++;
    float rate = (float) (options.mappingRate() / (1 - Math.pow(BETA1, steps)));
    float correction = (float) Math.sqrt(1 - Math.pow(BETA2, steps));
    float[] levels = new float[width];
    float[] p = new float[width];
    float[] slopes = new float[width];
    float[] gaps = gaps();
    int changed = 0;
    for (int r = 0, at = 0; r < matrix.rows(); r++) {
      int set = matrix.setOffset(r);
      float gap = gaps[set / matrix.layout().codewords()];
      float scale = matrix.scale(r);
      for (int c = 0; c < matrix.columns(); c++, at++) {
        window(at, set, levels, p);
        gradients(levels, p, width, scale * gradient[at], gap, options.gradient(), slopes);
        for (int k = 0; k < width; k++) {
          int i = at * width + k;
          first[i] = BETA1 * first[i] + (1 - BETA1) * slopes[k];
          second[i] = BETA2 * second[i] + (1 - BETA2) * slopes[k] * slopes[k];
          logits[i] -= rate * first[i] / ((float) Math.sqrt(second[i]) / correction + EPSILON);
        }
        changed += settle(at) ? 1 : 0;
      }
    }
    return changed;
  }

  private void window(int at, int set, float[] levels, float[] p) {
    int n = options.neighbours();
    int last = matrix.layout().codewords() - 1;
    int centre = matrix.codes()[at];
    float sum = 0;
    for (int k = 0; k < width; k++) {
      int code = centre + k - n;
      boolean inside = code >= 0 && code <= last;
      levels[k] = matrix.words()[set + Math.clamp(code, 0, last)];
      p[k] = inside ? (float) Math.exp(logits[at * width + k]) : 0;
      sum += p[k];
    }
    for (int k = 0; k < width; k++) {
      p[k] /= sum;
    }
  }

  /** Takes the codeword with the largest logit, and moves the window there. */
  private boolean settle(int at) {
    int n = options.neighbours();
    int last = matrix.layout().codewords() - 1;
    int centre = matrix.codes()[at];
    int best = n;
    for (int k = 0; k < width; k++) {
      int code = centre + k - n;
      if (code >= 0 && code <= last && logits[at * width + k] > logits[at * width + best]) {
        best = k;
      }
    }
    float top = logits[at * width + best];
    if (best != n) {
      int shift = best - n;
      move(logits, at * width, shift, top + low);
      move(first, at * width, shift, 0);
      move(second, at * width, shift, 0);
      matrix.codes()[at] = centre + shift;
    }
    for (int k = 0; k < width; k++) {
      logits[at * width + k] -= top;
    }
    return best != n;
  }

  private void move(float[] array, int from, int shift, float fill) {
    float[] before = java.util.Arrays.copyOfRange(array, from, from + width);
    for (int k = 0; k < width; k++) {
      int source = k + shift;
      array[from + k] = source >= 0 && source < width ? before[source] : fill;
    }
  }

  /** Smallest positive gap of each codebook. */
  private float[] gaps() {
    int count = matrix.layout().codewords();
    float[] out = new float[matrix.layout().sets()];
    for (int set = 0; set < out.length; set++) {
      float least = Float.POSITIVE_INFINITY;
      for (int k = 1; k < count; k++) {
        float gap = matrix.words()[set * count + k] - matrix.words()[set * count + k - 1];
        least = gap > 0 ? Math.min(least, gap) : least;
      }
      out[set] = Float.isInfinite(least) ? 0 : least;
    }
    return out;
  }
}
