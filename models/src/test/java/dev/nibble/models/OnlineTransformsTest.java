package dev.nibble.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.core.op.OnlineTransform;
import dev.nibble.core.transform.SeededOrthogonal;
import java.util.Random;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The libtorch transforms are those of the scalar reference. */
class OnlineTransformsTest {
  private static final int ROWS = 3;

  static Stream<OnlineTransform> transforms() {
    return Stream.of(
        new OnlineTransform.Hadamard(576),
        new OnlineTransform.Hadamard(256),
        new OnlineTransform.Hadamard(40),
        new OnlineTransform.Hadamard(12),
        new OnlineTransform.BlockHadamard(28),
        new OnlineTransform.HeadHadamard(12, 8),
        new OnlineTransform.Permutation(new int[] {2, 0, 3, 1}),
        new OnlineTransform.Scaling(new float[] {2f, -0.5f, 3f}),
        new OnlineTransform.BlockMatrix(3, new float[] {1, 2, 0, -1, 0.5f, 0, 0.25f, 0, 1}),
        new OnlineTransform.Seeded(SeededOrthogonal.Form.KRONECKER, 48, 3, false),
        new OnlineTransform.Seeded(SeededOrthogonal.Form.KRONECKER, 48, 3, true),
        new OnlineTransform.Seeded(SeededOrthogonal.Form.KRONECKER, 1031, 3, false),
        new OnlineTransform.Seeded(SeededOrthogonal.Form.KRONECKER, 1031, 3, true),
        new OnlineTransform.Seeded(SeededOrthogonal.Form.DENSE, 24, 3, true));
  }

  /** {@code y·(T x) = (Tᵀ y)·x} of every transform. */
  @ParameterizedTest
  @MethodSource("transforms")
  void theTransposeIsOne(OnlineTransform transform) {
    int n = width(transform);
    double[] x = new Random(1).doubles(n, -1, 1).toArray();
    double[] y = new Random(2).doubles(n, -1, 1).toArray();
    double[] dots =
        Torch.scope(
            () -> {
              Tensor u = Torch.fromDoubles(x, 1, n);
              Tensor v = Torch.fromDoubles(y, 1, n);
              return new double[] {
                v.mul(OnlineTransforms.apply(transform, u)).sum().item_double(),
                OnlineTransforms.applyTransposed(transform, v).mul(u).sum().item_double()
              };
            });
    assertThat(dots[1]).isCloseTo(dots[0], within(1e-9));
  }

  @ParameterizedTest
  @MethodSource("transforms")
  void equalsTheScalarReference(OnlineTransform transform) {
    int columns = width(transform);
    float[] x = new float[ROWS * columns];
    Random random = new Random(columns);
    for (int i = 0; i < x.length; i++) {
      x[i] = (float) random.nextGaussian();
    }
    float[] found =
        Torch.scope(
            () -> {
              Tensor in = Torch.fromFloats(x, ROWS, columns);
              return Torch.toFloats(OnlineTransforms.apply(transform, in));
            });
    for (int row = 0; row < ROWS; row++) {
      transform.apply(x, row * columns, columns);
    }
    assertThat(found).hasSameSizeAs(x);
    for (int i = 0; i < x.length; i++) {
      assertThat(found[i]).isCloseTo(x[i], within(2e-6f));
    }
  }

  private static int width(OnlineTransform transform) {
    return switch (transform) {
      case OnlineTransform.Hadamard h -> h.n();
      case OnlineTransform.BlockHadamard b -> 3 * b.block();
      case OnlineTransform.HeadHadamard h -> h.heads() * h.headDim();
      case OnlineTransform.Permutation p -> p.source().length;
      case OnlineTransform.Scaling s -> s.factor().length;
      case OnlineTransform.BlockMatrix b -> 3 * b.block();
      case OnlineTransform.Seeded s -> s.n();
    };
  }
}
