package dev.nibble.models;

import dev.nibble.core.op.OnlineTransform;
import dev.nibble.core.transform.Hadamard;
import dev.nibble.core.transform.SeededOrthogonal;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
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
              case OnlineTransform.BlockMatrix b -> blocks(x, b.block(), matrix(b, x));
              case OnlineTransform.Seeded s ->
                  s.transposed() ? backward(s.matrix(), x) : forward(s.matrix(), x);
            });
  }

  /**
   * The transposed map: of an orthonormal transform its inverse.
   *
   * @return a new tensor; the input is not modified
   */
  public static Tensor applyTransposed(OnlineTransform transform, Tensor x) {
    return Torch.scope(
        () ->
            switch (transform) {
              case OnlineTransform.Hadamard h -> blocks(x, h.n(), matrix(h.n(), x));
              case OnlineTransform.BlockHadamard b -> blocks(x, b.block(), matrix(b.block(), x));
              case OnlineTransform.HeadHadamard h -> {
                Tensor split = x.reshape(-1, h.heads(), h.headDim());
                yield torch.matmul(matrix(h.heads(), x).t(), split).reshape(Torch.shape(x));
              }
              case OnlineTransform.Permutation p -> scatter(x, p.source());
              case OnlineTransform.Scaling s -> apply(s, x);
              case OnlineTransform.BlockMatrix b -> blocks(x, b.block(), matrix(b, x).t());
              case OnlineTransform.Seeded s -> apply(s.transpose(), x);
            });
  }

  /** Every run of {@code block} elements as a row vector times a matrix. */
  private static Tensor blocks(Tensor x, int block, Tensor matrix) {
    return torch.matmul(x.reshape(-1, block), matrix).reshape(Torch.shape(x));
  }

  private static Tensor matrix(OnlineTransform.BlockMatrix map, Tensor like) {
    return Torch.fromFloats(map.matrix(), map.block(), map.block()).to(like.scalar_type());
  }

  private static Tensor forward(SeededOrthogonal q, Tensor x) {
    Tensor y = x;
    for (SeededOrthogonal.Round round : q.rounds()) {
      y = mix(y.index_select(-1, indices(round.source())), round, false);
    }
    return y.index_select(-1, indices(q.last()));
  }

  private static Tensor backward(SeededOrthogonal q, Tensor x) {
    Tensor y = scatter(x, q.last());
    for (SeededOrthogonal.Round round : q.rounds().reversed()) {
      y = scatter(mix(y, round, true), round.source());
    }
    return y;
  }

  private static Tensor mix(Tensor x, SeededOrthogonal.Round round, boolean transposed) {
    int p = round.rows();
    int q = round.columns();
    long rest = x.size(-1) - (long) p * q;
    Tensor left = Torch.fromDoubles(round.left(), p, p).to(x.scalar_type());
    Tensor right = Torch.fromDoubles(round.right(), q, q).to(x.scalar_type());
    Tensor split = (rest == 0 ? x : x.narrow(-1, 0, (long) p * q)).reshape(-1, p, q);
    Tensor mixed =
        torch.matmul(
            torch.matmul(transposed ? left.t() : left, split), transposed ? right : right.t());
    if (rest == 0) {
      return mixed.reshape(Torch.shape(x));
    }
    Tensor kept = x.narrow(-1, (long) p * q, rest).reshape(-1, rest);
    return torch
        .cat(new TensorVector(mixed.reshape(-1, (long) p * q), kept), -1)
        .reshape(Torch.shape(x));
  }

  /** {@code y[source[i]] = x[i]}. */
  private static Tensor scatter(Tensor x, int[] source) {
    int[] place = new int[source.length];
    for (int i = 0; i < place.length; i++) {
      place[source[i]] = i;
    }
    return x.index_select(-1, indices(place));
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
