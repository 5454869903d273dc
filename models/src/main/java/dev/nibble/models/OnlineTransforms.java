package dev.nibble.models;

import dev.nibble.core.op.OnlineTransform;
import dev.nibble.core.transform.Hadamard;
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

  /** Every run of {@code n = K·2^m} elements by the orthonormal {@code H_K ⊗ H_{2^m}}. */
  private static Tensor hadamard(Tensor x, int n) {
    long[] shape = Torch.shape(x);
    int base = Hadamard.of(n).baseOrder();
    Tensor y = x;
    int inner = 1;
    while (inner < n / base) {
      int factor = Math.min(DENSE, n / base / inner);
      y = mix(y, factor, inner);
      inner *= factor;
    }
    return (base == 1 ? y : mix(y, base, inner)).reshape(shape);
  }

  /** {@code x} as {@code [.., outer, order, inner]}: multiplies along the middle axis. */
  private static Tensor mix(Tensor x, int order, int inner) {
    return torch.matmul(matrix(order, x), x.reshape(-1, order, inner));
  }

  private static Tensor acrossHeads(Tensor x, OnlineTransform.HeadHadamard h) {
    long[] shape = Torch.shape(x);
    Tensor split = x.reshape(-1, h.heads(), h.headDim());
    return torch.matmul(matrix(h.heads(), x), split).reshape(shape);
  }

  private static Tensor matrix(int n, Tensor like) {
    return Torch.fromDoubles(Hadamard.of(n).dense(), n, n).to(like.scalar_type());
  }

  private static Tensor indices(int[] source) {
    long[] wide = new long[source.length];
    for (int i = 0; i < wide.length; i++) {
      wide[i] = source[i];
    }
    return Torch.fromLongs(wide, wide.length);
  }
}
