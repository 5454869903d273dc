package dev.nibble.compress.transform;

import dev.nibble.core.op.OnlineTransform;
import dev.nibble.core.transform.Hadamard;
import dev.nibble.models.OnlineTransforms;
import dev.nibble.models.Torch;
import java.util.SplittableRandom;
import org.bytedeco.pytorch.T_TensorTensor_T;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * An orthogonal map T of the residual stream, {@code x' = T x}. In the papers' notation {@code T =
 * Qᵀ}: readers of the stream become {@code W Q} (T applied to each row), writers {@code Qᵀ W} (T
 * applied to each column).
 */
sealed interface ResidualRotation {

  /** T applied to every vector along the last axis of an fp32 or fp64 tensor; a new tensor. */
  Tensor rows(Tensor x);

  /** T applied along the first axis: the output axis of a weight {@code [out, in]} or a bias. */
  default Tensor outputs(Tensor x) {
    return x.dim() == 1 ? rows(x) : rows(x.transpose(0, 1)).transpose(0, 1).contiguous();
  }

  /** What it is, for events. */
  String description();

  /** Kinds of rotation that a recipe can ask for. */
  enum Kind {
    /** Randomised Hadamard: random signs, then the Hadamard matrix of the full width. */
    HADAMARD,
    /** Uniformly random orthogonal matrix. */
    RANDOM,
    /** Random signs, then Hadamard matrices of the largest power of two that divides the width. */
    BLOCK
  }

  /**
   * Draws a rotation.
   *
   * @param width of the residual stream
   * @param seed same seed, same rotation
   */
  static ResidualRotation draw(Kind kind, int width, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    return switch (kind) {
      case HADAMARD ->
          Hadamard.supported(width)
              ? new Signed(signs(width, random), new OnlineTransform.Hadamard(width))
              : new Dense(orthogonal(width, random), width);
      case RANDOM -> new Dense(orthogonal(width, random), width);
      case BLOCK ->
          new Signed(
              signs(width, random), new OnlineTransform.BlockHadamard(Integer.lowestOneBit(width)));
    };
  }

  /** Signs, then a fast transform: {@code T = H diag(s)}. */
  record Signed(double[] signs, OnlineTransform transform) implements ResidualRotation {
    @Override
    public Tensor rows(Tensor x) {
      return Torch.scope(
          () ->
              OnlineTransforms.apply(
                  transform, x.mul(Torch.fromDoubles(signs, signs.length).to(x.scalar_type()))));
    }

    @Override
    public String description() {
      return switch (transform) {
        case OnlineTransform.BlockHadamard b -> "randomised Hadamard in blocks of " + b.block();
        default -> "randomised Hadamard of " + signs.length;
      };
    }
  }

  /** Any orthogonal matrix, row-major. */
  record Dense(double[] matrix, int width) implements ResidualRotation {
    @Override
    public Tensor rows(Tensor x) {
      return Torch.scope(
          () ->
              torch.matmul(
                  x, Torch.fromDoubles(matrix, width, width).to(x.scalar_type()).transpose(0, 1)));
    }

    @Override
    public String description() {
      return "random orthogonal matrix of " + width;
    }
  }

  private static double[] signs(int width, SplittableRandom random) {
    double[] signs = new double[width];
    for (int i = 0; i < width; i++) {
      signs[i] = random.nextBoolean() ? 1 : -1;
    }
    return signs;
  }

  /**
   * Haar-distributed orthogonal matrix: QR of a Gaussian matrix, each column times the sign of R's
   * diagonal (Mezzadri 2007).
   */
  private static double[] orthogonal(int width, SplittableRandom random) {
    double[] gaussian = new double[Math.multiplyExact(width, width)];
    for (int i = 0; i < gaussian.length; i++) {
      gaussian[i] = random.nextGaussian();
    }
    Tensor result =
        Torch.noGrad(
            () -> {
              T_TensorTensor_T qr = torch.linalg_qr(Torch.fromDoubles(gaussian, width, width));
              return qr.get0().mul(qr.get1().diagonal().sign()).contiguous();
            });
    double[] matrix = Torch.toDoubles(result);
    result.close();
    return matrix;
  }
}
