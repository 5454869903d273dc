package dev.nibble.models;

import dev.nibble.core.op.OnlineTransform;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** {@link OnlineTransform} on the last axis of a tensor, fp32 or fp64, differentiable. */
public final class OnlineTransforms {
  /** Widest Hadamard factor multiplied as a dense matrix. */
  private static final int DENSE = 64;

  private OnlineTransforms() {}

  /** The transformed tensor, a new one; the input is not modified. */
  public static Tensor apply(OnlineTransform transform, Tensor x) {
    return Torch.scope(
        () ->
            switch (transform) {
              case OnlineTransform.Hadamard h -> hadamard(x, h.n());
              case OnlineTransform.BlockHadamard b -> hadamard(x, b.block());
              case OnlineTransform.HeadHadamard h -> acrossHeads(x, h);
              case OnlineTransform.Permutation p -> x.index_select(-1, indices(p.source()));
              case OnlineTransform.Scaling s ->
                  x.mul(Torch.fromFloats(s.factor(), s.factor().length).to(x.scalar_type()));
            });
  }

  /** Every run of {@code n} elements by the orthonormal {@code H_n}. */
  private static Tensor hadamard(Tensor x, int n) {
    long[] shape = Torch.shape(x);
    Tensor y = x.reshape(-1, n);
    for (int inner = 1; inner < n; ) {
      int factor = factor(n / inner);
      Tensor h = matrix(factor, x);
      // x as [.., outer, factor, inner]: mix along the middle axis
      y = torch.matmul(h, y.reshape(-1, factor, inner));
      inner *= factor;
    }
    return y.reshape(shape);
  }

  private static int factor(int rest) {
    return Math.min(DENSE, rest);
  }

  private static Tensor acrossHeads(Tensor x, OnlineTransform.HeadHadamard h) {
    long[] shape = Torch.shape(x);
    Tensor split = x.reshape(-1, h.heads(), h.headDim());
    return torch.matmul(matrix(h.heads(), x), split).reshape(shape);
  }

  private static Tensor matrix(int n, Tensor like) {
    double[] h = new double[n * n];
    double unit = 1 / Math.sqrt(n);
    for (int r = 0; r < n; r++) {
      for (int c = 0; c < n; c++) {
        h[r * n + c] = Integer.bitCount(r & c) % 2 == 0 ? unit : -unit;
      }
    }
    return Torch.fromDoubles(h, n, n).to(like.scalar_type());
  }

  private static Tensor indices(int[] source) {
    long[] wide = new long[source.length];
    for (int i = 0; i < wide.length; i++) {
      wide[i] = source[i];
    }
    return Torch.fromLongs(wide, wide.length);
  }
}
