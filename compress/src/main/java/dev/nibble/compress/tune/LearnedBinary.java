package dev.nibble.compress.tune;

import dev.nibble.core.rounding.BinaryGrid;
import dev.nibble.core.rounding.CodeGrid;
import dev.nibble.core.spec.ScaleFormat;
import dev.nibble.models.FakeQuant;
import dev.nibble.models.Torch;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Learned magnitudes of groups of one bit (SliM-LLM+, Huang et al. 2024; sheet 10 C): with the mean
 * μ and mean distance d from it of a row's group,
 *
 * <pre>
 *   Ŵ = μ + d (σ(γ) + 1/2) sign(W - μ)
 * </pre>
 *
 * γ starts at 0, where the magnitude is d. Deviation from the authors' code, which leaves μ out of
 * Ŵ: it is added back.
 */
final class LearnedBinary implements AutoCloseable {
  private final int rows;
  private final int columns;
  private final int group;
  private final ScaleFormat scaleFormat;
  private final Tensor gain;

  /**
   * @param group columns of a group, which divides {@code columns}
   */
  LearnedBinary(int rows, int columns, int group, ScaleFormat scaleFormat) {
    if (columns % group != 0) {
      throw new IllegalArgumentException("groups of " + group + " do not divide " + columns);
    }
    this.rows = rows;
    this.columns = columns;
    this.group = group;
    this.scaleFormat = scaleFormat;
    this.gain = Torch.owned(() -> Torch.fromFloats(new float[rows * groups()], rows, groups(), 1));
    gain.set_requires_grad(true);
  }

  private int groups() {
    return columns / group;
  }

  /** What is trained. */
  Trainable trainable(String name, double learningRate) {
    return new Trainable(name + ".gain", gain, learningRate);
  }

  /** The weight as it will be stored, {@code [rows, columns]}, differentiable in γ. */
  Tensor quantize(Tensor w) {
    return Torch.scope(
        () -> {
          Tensor x = w.reshape(rows, groups(), group);
          Tensor mean = mean(x);
          Tensor magnitude = FakeQuant.straightThrough(magnitude(x, mean), magnitudes(x, mean));
          Tensor sign = torch.where(x.ge(mean), torch.ones_like(x), torch.ones_like(x).neg());
          return sign.mul(magnitude).add(mean).reshape(rows, columns);
        });
  }

  /** Means as they are stored, {@code [rows, groups, 1]}. */
  private Tensor mean(Tensor x) {
    Tensor exact = x.detach().mean(new long[] {-1}, true, new ScalarTypeOptional());
    return stored(exact);
  }

  private Tensor magnitude(Tensor x, Tensor mean) {
    Tensor distance =
        x.detach().sub(mean).abs().mean(new long[] {-1}, true, new ScalarTypeOptional());
    return distance.mul(torch.sigmoid(gain).add(new Scalar(0.5f)));
  }

  private Tensor magnitudes(Tensor x, Tensor mean) {
    return stored(magnitude(x, mean).detach());
  }

  private Tensor stored(Tensor exact) {
    float[] values = Torch.toFloats(exact);
    for (int i = 0; i < values.length; i++) {
      values[i] = Float.isFinite(values[i]) ? scaleFormat.roundSigned(values[i]) : Float.NaN;
    }
    return Torch.fromFloats(values, rows, groups(), 1);
  }

  /** The stored grids, {@code [rows, groups]}. */
  CodeGrid[] grids(Tensor w) {
    CodeGrid[] out = new CodeGrid[rows * groups()];
    Torch.run(
        () -> {
          Tensor x = w.detach().reshape(rows, groups(), group);
          Tensor mean = mean(x);
          float[] means = Torch.toFloats(mean);
          float[] magnitudes = Torch.toFloats(magnitudes(x, mean));
          for (int i = 0; i < out.length; i++) {
            out[i] = new BinaryGrid(means[i], magnitudes[i]);
          }
        });
    return out;
  }

  @Override
  public void close() {
    gain.close();
  }
}
