package dev.nibble.runtime.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.core.rounding.RoundToNearest;
import dev.nibble.core.rounding.RoundingOptions;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.tensor.DType;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.core.tensor.PackedTensor;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class KernelsTest {
  static Stream<PackedTensor> weights() {
    Stream.Builder<PackedTensor> all = Stream.builder();
    Random random = new Random(5);
    for (int[] shape : new int[][] {{1, 1}, {7, 33}, {40, 64}, {33, 172}, {70, 600}}) {
      for (DType type : new DType[] {DType.F32, DType.F16, DType.BF16}) {
        all.add(
            DenseTensor.rounded(gaussian(random, shape[0] * shape[1]), type, shape[0], shape[1]));
      }
    }
    for (int[] shape : new int[][] {{1, 8}, {40, 64}, {33, 172}, {9, 1030}, {3, 512}}) {
      for (String spec :
          new String[] {
            "int2:g32:asym",
            "int2:channel:sym",
            "int3:g64:asym",
            "int4:g32:asym",
            "int4:g64:sym",
            "int4:g128:asym",
            "int4:channel:asym",
            "int4:tensor:sym",
            "int4:g20:asym",
            "int8:g128:sym",
            "int8:channel",
            "int8:g64:asym:fp32"
          }) {
        all.add(
            RoundToNearest.quantize(
                gaussian(random, shape[0] * shape[1]),
                new long[] {shape[0], shape[1]},
                QuantSpec.parse(spec),
                RoundingOptions.DEFAULT));
      }
    }
    return all.build();
  }

  @Test
  void affineCodesRunInWords() {
    PackedTensor weight =
        RoundToNearest.quantize(
            gaussian(new Random(1), 2048),
            new long[] {4, 512},
            QuantSpec.parse("int4:g128:asym"),
            RoundingOptions.DEFAULT);
    assertThat(KernelSet.standard().choose(weight).name()).isEqualTo("affine4-words");
  }

  static float[] gaussian(Random random, int n) {
    float[] x = new float[n];
    for (int i = 0; i < n; i++) {
      x[i] = (float) random.nextGaussian();
    }
    return x;
  }

  @ParameterizedTest
  @MethodSource("weights")
  void everyKernelAgreesWithTheScalarReference(PackedTensor weight) {
    Matrix matrix = KernelSet.standard().bind(weight);
    int rows = matrix.rows();
    int columns = matrix.columns();
    Random random = new Random(rows * 31L + columns);
    float[] reference = weight.toFloats();
    try (Team team = new Team(2)) {
      Products products = new Products(team, columns);
      float[] decoded = new float[Lanes.PANEL * columns];
      for (int r = 0; r < rows; r += Lanes.PANEL) {
        int to = Math.min(rows, r + Lanes.PANEL);
        matrix.decode(r, to, decoded, 0, new Scratch(columns));
        for (int i = 0; i < (to - r) * columns; i++) {
          assertThat(decoded[i]).isEqualTo(reference[r * columns + i]);
        }
      }
      for (int tokens : new int[] {1, 2, 3, 7, 20}) {
        float[] x = gaussian(random, tokens * columns + 3);
        float[] bias = gaussian(random, rows);
        float[] y = new float[tokens * rows + 2];
        products.multiply(matrix, bias, x, 3, columns, tokens, y, 2, rows);
        for (int t = 0; t < tokens; t++) {
          for (int r = 0; r < rows; r++) {
            double sum = bias[r];
            double size = Math.abs(bias[r]);
            for (int c = 0; c < columns; c++) {
              double term = (double) reference[r * columns + c] * x[3 + t * columns + c];
              sum += term;
              size += Math.abs(term);
            }
            assertThat(Math.abs(y[2 + t * rows + r] - sum)).isLessThan(2e-6 * size + 1e-12);
          }
        }
      }
    }
  }
}
