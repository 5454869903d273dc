package dev.nibble.compress.solve;

import dev.nibble.compress.codebook.AdditiveInit;
import dev.nibble.compress.codebook.ArrayAdam;
import dev.nibble.compress.codebook.CodeSweep;
import dev.nibble.compress.codebook.CodebookMatrix;
import dev.nibble.compress.codebook.QuadraticFit;
import dev.nibble.core.work.Workers;
import java.util.SplittableRandom;
import org.bytedeco.pytorch.Tensor;

/**
 * Additive quantization of one matrix (AQLM, Egiazarian et al. 2024, section 3): every group of
 * consecutive weights of a row becomes a scale times a sum of learned codewords. From residual
 * k-means, rounds of Adam on codewords and scales (equation 8) and of a search for codes (equations
 * 5 to 7) lower {@code tr((W − Ŵ) H (W − Ŵ)ᵀ)} until a round gains too little.
 *
 * <p>W ↔ w {@code [rows, columns]}; XXᵀ ↔ hessian; C, b, s ↔ {@link CodebookMatrix}.
 *
 * <p>Deviations: the beam is settled group by group ({@code GroupSearch}); codewords and scales are
 * rounded to fp16 before a last search for codes, so that these fit what is stored.
 *
 * <p>Cost: a step of Adam is one product {@code [rows, columns] x [columns, columns]}, a search
 * about one more and {@code rows · columns · M · 2^B} multiplications. Memory: three copies of the
 * weight.
 */
final class Aqlm {
  /** Betas and epsilon of the authors' code. */
  private static final double BETA2 = 0.95;

  private static final double EPSILON = 1e-8;

  private Aqlm() {}

  /**
   * What was found.
   *
   * @param init residual k-means alone, which no data has touched
   * @param solved after all rounds, its codewords and scales fp16 numbers
   * @param loss of {@code solved}
   * @param epochs rounds done
   */
  record Solution(CodebookMatrix init, CodebookMatrix solved, double loss, int epochs) {}

  /**
   * Solves a matrix.
   *
   * @param w finite
   * @param hessian fp32 {@code [columns, columns]}, finite
   */
  static Solution solve(
      float[] w, Tensor hessian, AqlmOptions options, long seed, Workers workers) {
    int columns = Math.toIntExact(hessian.size(0));
    SplittableRandom seeds = new SplittableRandom(seed);
    CodebookMatrix init =
        AdditiveInit.residual(
            w,
            columns,
            options.layout(),
            options.initRounds(),
            options.initPerCentroid(),
            seeds.nextLong(),
            workers);
    QuadraticFit fit = new QuadraticFit(w, hessian, workers);
    CodebookMatrix now = init.copy();
    CodebookMatrix best = init.copy();
    double lowest = Double.POSITIVE_INFINITY;
    ArrayAdam words = adam(options, now.words());
    ArrayAdam scales = adam(options, now.scales());
    int epoch = 0;
    for (; epoch < options.maxEpochs(); epoch++) {
      double loss = fit.loss(now);
      if (!(loss <= (1 - options.tolerance()) * lowest)) {
        break;
      }
      best.set(now);
      lowest = loss;
      descend(fit, now, options.stepsPerEpoch(), words, scales);
      CodeSweep.run(fit, now, options.beamSize(), seeds.nextLong());
    }
    if (fit.loss(now) < lowest) {
      best.set(now);
    }
    best.roundToHalf();
    if (epoch > 0) {
      CodeSweep.run(fit, best, options.beamSize(), seeds.nextLong());
    }
    return new Solution(init, best, fit.loss(best), epoch);
  }

  private static ArrayAdam adam(AqlmOptions options, float[] values) {
    return new ArrayAdam(
        new ArrayAdam.Rule(options.rate(), 0, BETA2, EPSILON, true), values.length);
  }

  private static void descend(
      QuadraticFit fit, CodebookMatrix matrix, int steps, ArrayAdam words, ArrayAdam scales) {
    float[] wordGradient = new float[matrix.words().length];
    float[] scaleGradient = new float[matrix.scales().length];
    for (int step = 0; step < steps; step++) {
      fit.gradients(matrix, wordGradient, scaleGradient);
      words.step(matrix.words(), wordGradient);
      scales.step(matrix.scales(), scaleGradient);
    }
  }
}
