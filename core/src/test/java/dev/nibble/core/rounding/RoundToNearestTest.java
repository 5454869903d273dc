package dev.nibble.core.rounding;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.core.NibbleException;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.tensor.AffineTensor;
import dev.nibble.core.tensor.PackedTensor;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RoundToNearestTest {
  /** Sheet 12a, acceptance 4: a short last group has its own grid, and packing loses nothing. */
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 5, 6, 7, 8})
  void packedEqualsFakeQuantized(int bits) {
    QuantSpec spec = QuantSpec.parse("int" + bits + ":g128:asym");
    float[] w = gaussian(5 * 300, bits);
    PackedTensor packed =
        RoundToNearest.quantize(w, new long[] {5, 300}, spec, RoundingOptions.DEFAULT);
    float[] expected = new float[w.length];
    for (int row = 0; row < 5; row++) {
      for (int c = 0; c < 300; c += 128) {
        int from = row * 300 + c;
        int to = row * 300 + Math.min(300, c + 128);
        AffineGrid grid =
            GroupGrid.fit(
                w, from, to, bits, GridFlavour.GPTQ, spec.scaleFormat(), RoundingOptions.DEFAULT);
        for (int i = from; i < to; i++) {
          expected[i] = grid.value(grid.code(w[i]));
        }
      }
    }
    assertThat(packed.toFloats()).isEqualTo(expected);
    assertThat(((AffineTensor) packed).groupsPerRow()).isEqualTo(3);
    assertThat(packed.byteSize()).isEqualTo(spec.packedBytes(5, 300));
  }

  @Test
  void zerosStayZero() {
    for (String spec : new String[] {"int4:g8:asym", "int4:g8:sym", "nf4:g8", "mxfp4"}) {
      float[] zeros =
          RoundToNearest.quantize(
                  new float[20], new long[] {2, 10}, QuantSpec.parse(spec), RoundingOptions.DEFAULT)
              .toFloats();
      assertThat(zeros).as(spec).containsOnly(0f);
    }
  }

  @Test
  void valuesThatAreNotFiniteAreRefused() {
    float[] w = gaussian(20, 1);
    w[13] = Float.NaN;
    assertThatThrownBy(
            () ->
                RoundToNearest.quantize(
                    w, new long[] {2, 10}, QuantSpec.parse("int4"), RoundingOptions.DEFAULT))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("row 1, column 3 is NaN");
  }

  private static float[] gaussian(int n, long seed) {
    Random random = new Random(seed);
    float[] w = new float[n];
    for (int i = 0; i < n; i++) {
      w[i] = (float) random.nextGaussian() * 0.02f;
    }
    return w;
  }
}
