package dev.nibble.runtime.emit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nibble.runtime.diagnose.SampleTensors;
import dev.nibble.runtime.kernel.FloatKernels;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class EmittedFloatsTest {
  private static final int WIDTH = FloatTileKernel.WIDTH;
  private final SplittableRandom random = new SplittableRandom(4);
  private FloatKernels emitted;

  @BeforeEach
  void needsTheProcessor() {
    assumeTrue(Processor.current().avx512Vnni(), Processor.current().why());
    emitted = EmittedFloats.orVector();
    assertThat(emitted).isInstanceOf(EmittedFloats.class);
  }

  @Test
  void tilesAreThoseOfTheVectorApiBitForBit() {
    for (int round = 0; round < 200; round++) {
      int tokens = 1 + random.nextInt(20);
      int k = random.nextInt(70);
      int p = random.nextInt(5);
      float[] panel = SampleTensors.gaussian(random, p + k * WIDTH + 3);
      float[] x = SampleTensors.gaussian(random, 7 + tokens * (k + 2));
      float[] y = SampleTensors.gaussian(random, 9 + tokens * (WIDTH + 1));
      float[] expected = y.clone();
      int[] xs = new int[tokens];
      int[] ys = new int[tokens];
      for (int t = 0; t < tokens; t++) {
        xs[t] = 3 + t * (k + 2);
        ys[t] = 4 + t * (WIDTH + 1);
      }
      boolean add = random.nextBoolean();
      emitted.tile(panel, p, k, x, xs, 2, y, ys, 5, tokens, add);
      FloatKernels.VECTOR.tile(panel, p, k, x, xs, 2, expected, ys, 5, tokens, add);
      assertThat(y).isEqualTo(expected);
    }
  }

  @Test
  void functionsAreThoseOfTheVectorApiBitForBit() {
    for (int n = 0; n < 100; n++) {
      float[] gate = SampleTensors.gaussian(random, 120);
      float[] up = SampleTensors.gaussian(random, 120);
      gate[3] = 200;
      gate[4] = -200;
      gate[5] = 0;
      float[] expected = gate.clone();
      emitted.swiglu(gate, up, 2, n);
      FloatKernels.VECTOR.swiglu(expected, up, 2, n);
      assertThat(gate).isEqualTo(expected);
      float sum = emitted.exponentials(gate, 3, n, 200);
      assertThat(sum).isEqualTo(FloatKernels.VECTOR.exponentials(expected, 3, n, 200));
      assertThat(gate).isEqualTo(expected);
    }
  }

  @Test
  void nothingIsTouchedOutsideTheArrays() {
    float[] panel = new float[4 * WIDTH];
    float[] x = new float[4];
    float[] y = new float[WIDTH];
    int[] zero = {0};
    emitted.tile(panel, 0, 4, x, zero, 0, y, zero, 0, 1, false);
    assertThatThrownBy(() -> emitted.tile(panel, 1, 4, x, zero, 0, y, zero, 0, 1, false))
        .isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> emitted.tile(panel, 0, 4, x, zero, 1, y, zero, 0, 1, false))
        .isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> emitted.tile(panel, 0, 4, x, zero, 0, y, zero, 1, 1, false))
        .isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> emitted.swiglu(x, y, 0, 16))
        .isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> emitted.exponentials(x, 0, 4, 1))
        .isInstanceOf(IndexOutOfBoundsException.class);
  }
}
