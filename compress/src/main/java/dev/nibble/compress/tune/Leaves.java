package dev.nibble.compress.tune;

import dev.nibble.models.Torch;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** Tensors that are trained. */
final class Leaves {
  /** Least magnitude of a scale (of the paper's code): what it divides must not blow up. */
  private static final double FLOOR = 1e-2;

  private Leaves() {}

  /** An fp32 leaf outside all scopes; the caller closes it. */
  static Tensor of(double[] values, long... shape) {
    float[] narrow = new float[values.length];
    for (int i = 0; i < narrow.length; i++) {
      narrow[i] = (float) values[i];
    }
    return of(narrow, shape);
  }

  /** An fp32 leaf outside all scopes; the caller closes it. */
  static Tensor of(float[] values, long... shape) {
    Tensor out = Torch.owned(() -> Torch.fromFloats(values, shape));
    out.set_requires_grad(true);
    return out;
  }

  /** Keeps every element at least {@value #FLOOR} away from zero, with its sign. */
  static void keepAway(Tensor scale) {
    Torch.noGrad(
        () -> {
          Tensor least =
              torch.where(
                  scale.ge(new Scalar(0.0)),
                  torch.full_like(scale, new Scalar(FLOOR)),
                  torch.full_like(scale, new Scalar(-FLOOR)));
          scale.copy_(torch.where(scale.abs().lt(new Scalar(FLOOR)), least, scale));
          return null;
        });
  }
}
