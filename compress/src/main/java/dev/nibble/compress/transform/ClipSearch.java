package dev.nibble.compress.transform;

import dev.nibble.models.Torch;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Clipping thresholds by group of a row (AWQ, section 3.2 and released code): for {@code i = 0, 1,
 * …} the group is clamped to {@code max|w| (1 - i/n)}, rounded, and its share of the output on
 * sampled inputs compared; the threshold with the least squared error wins.
 *
 * <p>The error of a group, {@code Σ_t (x_t · d)²} for {@code d = w - ŵ}, is {@code dᵀ G d} with the
 * Gram matrix G of the group's inputs: one matrix per group instead of a pass over the tokens per
 * trial.
 */
final class ClipSearch {
  private final RoundedWeight rounded;
  private final int points;
  private final double maxShrink;

  ClipSearch(RoundedWeight rounded, int points, double maxShrink) {
    this.rounded = rounded;
    this.points = points;
    this.maxShrink = maxShrink;
  }

  /**
   * What came of it.
   *
   * @param weight clamped, a new tensor that the caller closes
   * @param clippedShare share of the groups that lost their extremes
   * @param errorRatio output error with clipping divided by that without
   */
  record Result(Tensor weight, double clippedShare, double errorRatio) {}

  /**
   * Searches one weight.
   *
   * @param weight {@code [rows, columns]}, not modified
   * @param inputs {@code [tokens, columns]}
   */
  Result search(Tensor weight, Tensor inputs) {
    double[] figures = new double[2];
    Tensor clamped =
        Torch.owned(
            () -> {
              int columns = Math.toIntExact(weight.size(1));
              int width = rounded.groupColumns(columns);
              TensorVector grams = grams(inputs, columns, width);
              Tensor high = extremes(weight, columns, width);
              Tensor factor = torch.ones_like(high);
              Tensor least = errors(weight, rounded.of(weight), grams, width);
              double before = least.to(ScalarType.Double).sum().item_double();
              for (int i = 1; i < (int) Math.round(points * maxShrink); i++) {
                float kept = 1 - (float) i / points;
                Tensor trial = clamp(weight, high.mul(new Scalar(kept)), columns, width);
                Tensor error = errors(weight, rounded.of(trial), grams, width);
                Tensor better = error.lt(least);
                least = torch.where(better, error, least);
                factor = factor.masked_fill(better, new Scalar(kept));
              }
              double after = least.to(ScalarType.Double).sum().item_double();
              figures[0] = factor.lt(new Scalar(1f)).to(ScalarType.Double).mean().item_double();
              figures[1] = before == 0 ? 1 : after / before;
              return clamp(weight, high.mul(factor), columns, width);
            });
    return new Result(clamped, figures[0], figures[1]);
  }

  /** Gram matrix of each group's inputs. */
  private static TensorVector grams(Tensor inputs, int columns, int width) {
    TensorVector out = new TensorVector();
    for (int c = 0; c < columns; c += width) {
      Tensor x = inputs.narrow(1, c, Math.min(width, columns - c));
      out.push_back(torch.matmul(x.transpose(0, 1), x));
    }
    return out;
  }

  /** {@code [rows, groups]}: largest absolute value. */
  private static Tensor extremes(Tensor weight, int columns, int width) {
    TensorVector out = new TensorVector();
    for (int c = 0; c < columns; c += width) {
      Tensor group = weight.narrow(1, c, Math.min(width, columns - c));
      out.push_back(group.abs().amax(new long[] {1}, true));
    }
    return torch.cat(out, 1);
  }

  /** {@code [rows, groups]}: output error of each group. */
  private static Tensor errors(Tensor weight, Tensor other, TensorVector grams, int width) {
    Tensor difference = weight.sub(other);
    int columns = Math.toIntExact(weight.size(1));
    TensorVector out = new TensorVector();
    for (int c = 0, g = 0; c < columns; c += width, g++) {
      Tensor d = difference.narrow(1, c, Math.min(width, columns - c));
      out.push_back(
          torch.matmul(d, grams.get(g)).mul(d).sum(new long[] {1}, true, new ScalarTypeOptional()));
    }
    return torch.cat(out, 1);
  }

  /** Clamps each group of a row to its limit {@code [rows, groups]}. */
  private static Tensor clamp(Tensor weight, Tensor limits, int columns, int width) {
    Tensor wide =
        limits
            .repeat_interleave(width, new LongOptional(1), new LongOptional())
            .narrow(1, 0, columns);
    return torch.minimum(torch.maximum(weight, wide.neg()), wide);
  }
}
