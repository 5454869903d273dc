package dev.nibble.core.testing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.core.tensor.PackedTensor;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * What every stored type promises. A type's test extends this, builds tensors from values and says
 * how large they are.
 */
public abstract class PackedTensorContract {

  /** A tensor of this shape that approximates the values. */
  protected abstract PackedTensor pack(float[] values, long[] shape);

  /** Bytes that such a tensor takes, by the layout's own arithmetic. */
  protected abstract long expectedBytes(long rows, int columns);

  /** {@link PackedTensor#typeName()} of a tensor of 320 columns. */
  protected abstract String expectedTypeName();

  /** Shapes to try; types with a minimal row length override it. */
  protected List<long[]> shapes() {
    return List.of(
        new long[] {7, 300},
        new long[] {1, 1},
        new long[] {5, 33},
        new long[] {2, 3, 64},
        new long[] {40},
        new long[] {0, 8});
  }

  private PackedTensor random(long[] shape) {
    int n = 1;
    for (long axis : shape) {
      n *= (int) axis;
    }
    float[] values = new float[n];
    Random random = new Random(n);
    for (int i = 0; i < n; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return pack(values, shape);
  }

  @Test
  final void everyByteIsCounted() {
    for (long[] shape : shapes()) {
      PackedTensor t = random(shape);
      assertThat(t.byteSize())
          .as("%s", Arrays.toString(shape))
          .isEqualTo(expectedBytes(t.rows(), t.columns()));
      if (t.elements() > 0) {
        assertThat(t.bitsPerWeight()).isEqualTo(8.0 * t.byteSize() / t.elements());
      }
    }
  }

  @Test
  final void theShapeIsKeptAndCopied() {
    for (long[] shape : shapes()) {
      PackedTensor t = random(shape);
      t.shape()[0]++;
      assertThat(t.shape()).containsExactly(shape);
      assertThat(t.rows() * t.columns()).isEqualTo(Arrays.stream(shape).reduce(1, (a, b) -> a * b));
    }
  }

  @Test
  final void anyRangeOfRowsIsThatPartOfTheWhole() {
    for (long[] shape : shapes()) {
      PackedTensor t = random(shape);
      float[] whole = t.toFloats();
      int columns = t.columns();
      for (int from = 0; from <= t.rows(); from++) {
        for (int to = from; to <= t.rows(); to++) {
          float[] out = new float[(to - from) * columns + 5];
          Arrays.fill(out, -77f);
          t.dequantize(from, to, out, 3);
          float[] expected = new float[out.length];
          Arrays.fill(expected, -77f);
          System.arraycopy(whole, from * columns, expected, 3, (to - from) * columns);
          assertThat(out).as("%s rows %d to %d", t.typeName(), from, to).isEqualTo(expected);
        }
      }
    }
  }

  @Test
  final void valuesAreFiniteAndNearTheOriginals() {
    float[] values = new float[7 * 320];
    Random random = new Random(3);
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    float[] stored = pack(values, new long[] {7, 320}).toFloats();
    double error = 0;
    for (int i = 0; i < values.length; i++) {
      assertThat(stored[i]).isFinite();
      error += (stored[i] - values[i]) * (double) (stored[i] - values[i]);
    }
    // even one bit per weight explains some of the unit variance
    assertThat(error / values.length).isLessThan(0.9);
  }

  @Test
  final void rangesOutsideAreRefused() {
    PackedTensor t = random(new long[] {4, 64});
    float[] out = new float[4 * 64];
    assertThatThrownBy(() -> t.dequantize(-1, 2, out, 0))
        .isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> t.dequantize(0, 5, new float[999], 0))
        .isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> t.dequantize(3, 2, out, 0))
        .isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> t.dequantize(0, 4, out, 1))
        .isInstanceOf(IndexOutOfBoundsException.class);
  }

  @Test
  final void theTypeNameIsThatOfReports() {
    assertThat(random(new long[] {2, 320}).typeName()).isEqualTo(expectedTypeName());
  }
}
