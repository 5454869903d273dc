package dev.nibble.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.core.op.OnlineTransform;
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
        new OnlineTransform.Scaling(new float[] {2f, -0.5f, 3f}));
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
    };
  }
}
