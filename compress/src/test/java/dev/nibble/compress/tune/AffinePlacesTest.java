package dev.nibble.compress.tune;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.compress.testing.TinyFamilies;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.models.Block;
import dev.nibble.models.Coupling;
import dev.nibble.models.Torch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Acceptance 1 to 3 of sheet 11. */
class AffinePlacesTest {
  private static double[] ones(int count) {
    double[] out = new double[count];
    Arrays.fill(out, 1);
    return out;
  }

  /** A full matrix of random elements, as dominant as training keeps it. */
  private static MaskedMatrix matrix(String name, int width, int order, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    double[] diagonal = new double[width];
    for (int i = 0; i < width; i++) {
      diagonal[i] = random.nextDouble(0.5, 2) * (random.nextBoolean() ? 1 : -1);
    }
    MaskedMatrix out = new MaskedMatrix(name, diagonal, order, 0.1);
    out.begin(0, 1);
    Tensor values = out.trainable(1).value();
    float[] noise = new float[Math.toIntExact(values.numel())];
    for (int i = 0; i < noise.length; i++) {
      noise[i] = (float) random.nextGaussian();
    }
    Torch.noGrad(
        () -> {
          values.add_(Torch.fromFloats(noise, Torch.shape(values)));
          return null;
        });
    out.project();
    return out;
  }

  private enum Kind {
    NORM_MATRIX,
    VALUE_MATRIX,
    PAIR_TIED,
    QUERY_KEY_MATRIX
  }

  private static List<Place> places(Kind kind, Block block, ModelConfig config) {
    List<Place> out = new ArrayList<>();
    String attention = block.name() + ".self_attn";
    for (Coupling c : block.couplings()) {
      boolean shift = config.norm() == ModelConfig.Norm.LAYER && ChannelScale.canShift(block, c);
      double[] start = shift ? ones(c.width()) : null;
      if (kind == Kind.NORM_MATRIX && c.kind() == Coupling.Kind.NORM_TO_LINEARS) {
        out.add(new NormMatrix(block, c, matrix("n", c.width(), c.width(), 1), start, 1));
      }
      if (kind == Kind.VALUE_MATRIX && c.kind() == Coupling.Kind.VALUE_TO_OUTPUT) {
        out.add(new ValueMatrix(block, c, matrix("v", c.width(), c.headDim(), 2), start, 1));
      }
    }
    if (kind == Kind.PAIR_TIED && !config.qkNorm()) {
      QueryKeyTurn turn = new QueryKeyTurn(block, attention, config, 1);
      Folding.scatter(turn, new SplittableRandom(3));
      out.add(turn);
    }
    if (kind == Kind.QUERY_KEY_MATRIX && !config.qkNorm()) {
      MaskedMatrix matrix = matrix("k", config.kvSize(), config.headDim(), 4);
      out.add(new QueryKeyMatrix(block, attention, config, matrix, 1));
    }
    return out;
  }

  @ParameterizedTest
  @CsvSource({"NORM_MATRIX", "VALUE_MATRIX", "PAIR_TIED"})
  void foldsExactlyInEveryFamily(Kind kind) {
    TinyFamilies.families()
        .forEach(
            (family, config) ->
                assertThat(Folding.difference(config, block -> places(kind, block, config)))
                    .as(family)
                    .isLessThan(2e-5));
  }

  @Test
  void aMatrixBetweenQueriesAndKeysIsInexactWithRotaryPositionsAndExactWithout() {
    ModelConfig rotary = TinyFamilies.llama();
    assertThat(Folding.difference(rotary, b -> places(Kind.QUERY_KEY_MATRIX, b, rotary)))
        .isGreaterThan(1e-2);
    ModelConfig learned = TinyFamilies.families().get("opt");
    assertThat(Folding.difference(learned, b -> places(Kind.QUERY_KEY_MATRIX, b, learned)))
        .isLessThan(2e-5);
  }

  @Test
  void inverseTimesMatrixIsOneInDoublePrecision() {
    try (MaskedMatrix matrix = matrix("m", 48, 16, 9)) {
      Torch.noGrad(
          () -> {
            double[] product =
                Torch.toDoubles(
                    matrix.inverse(ScalarType.Double).matmul(matrix.masked(ScalarType.Double)));
            for (int i = 0; i < product.length; i++) {
              boolean diagonal = i / 16 % 16 == i % 16;
              assertThat(product[i]).isCloseTo(diagonal ? 1 : 0, within(1e-9));
            }
            return null;
          });
    }
  }

  @ParameterizedTest
  @CsvSource({"8, 5", "64, 20", "7, 2", "5, 1", "1, 4"})
  void theMaskGrowsFromTheDiagonalToTheWholeMatrix(int order, int epochs) {
    int before = 0;
    for (int e = 0; e < epochs; e++) {
      int width = MaskedMatrix.width(order, e, epochs);
      assertThat(width).isGreaterThanOrEqualTo(before);
      if (epochs > 1 && e == 0) {
        assertThat(width).isEqualTo(1);
      }
      if (e == epochs - 1) {
        assertThat(width).isEqualTo(order);
      }
      try (MaskedMatrix matrix = new MaskedMatrix("m", ones(order), order, 0.01)) {
        matrix.begin(e, epochs);
        long reached = 0;
        for (int i = 0; i < order; i++) {
          for (int j = 0; j < order; j++) {
            reached += Math.abs(i - j) < width ? 1 : 0;
          }
        }
        assertThat(count(matrix)).isEqualTo(reached);
      }
      before = width;
    }
  }

  /** Elements that the mask lets through. */
  private static long count(MaskedMatrix matrix) {
    Tensor values = matrix.trainable(1).value();
    long[] out = new long[1];
    Torch.noGrad(
        () -> {
          values.fill_(new Scalar(1.0));
          out[0] = matrix.masked(ScalarType.Float).ne(new Scalar(0.0)).sum().item_long();
          return null;
        });
    return out[0];
  }

  @Test
  void rowsStayDominatedWhateverTheUpdate() {
    try (MaskedMatrix matrix = new MaskedMatrix("m", ones(32), 16, 1)) {
      matrix.begin(0, 1);
      Tensor values = matrix.trainable(1).value();
      Torch.noGrad(
          () -> {
            values.fill_(new Scalar(-3.0));
            return null;
          });
      assertThat(matrix.margin()).isNegative();
      matrix.project();
      assertThat(matrix.margin()).isPositive();
      assertThat(matrix.problem()).isEmpty();
      assertThat(matrix.report().get("dominance")).contains("rows held back 32 times");
    }
  }
}
