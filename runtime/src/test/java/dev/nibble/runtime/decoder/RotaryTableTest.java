package dev.nibble.runtime.decoder;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.core.model.Rope;
import dev.nibble.core.model.RopeConfig;
import dev.nibble.core.model.RopeConfig.Scaling;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Every scaling rule, as a sequence grows, is cut and grows again, against its formula. */
class RotaryTableTest {
  private static final int MAX = 40;
  private static final int HALF = 21;

  private static RopeConfig rope(Scaling scaling) {
    double[] shortFactor = new Random(1).doubles(HALF, 1, 2).toArray();
    double[] longFactor = new Random(2).doubles(HALF, 2, 9).toArray();
    return new RopeConfig(1000, 2 * HALF, scaling, 3, 1, 4, 20, 32, 1, 0, shortFactor, longFactor);
  }

  private static void check(RotaryTable table, RopeConfig rope, int from, int to, int length) {
    table.reserve(from, to, length);
    double[] f = Rope.inverseFrequencies(rope, MAX, length);
    double factor = Rope.attentionFactor(rope, MAX);
    for (int p = from; p < to; p++) {
      float[] x = new float[2 * HALF + 2];
      Arrays.fill(x, 1, 1 + HALF, 0.5f);
      Arrays.fill(x, 1 + HALF, 1 + 2 * HALF, -2f);
      table.rotate(x, 1, p);
      for (int i = 0; i < HALF; i++) {
        double c = Math.cos(p * f[i]) * factor;
        double s = Math.sin(p * f[i]) * factor;
        assertThat((double) x[1 + i]).isEqualTo(0.5 * c + 2 * s, within(1e-6));
        assertThat((double) x[1 + HALF + i]).isEqualTo(-2 * c + 0.5 * s, within(1e-6));
      }
      assertThat(x[0]).isZero();
      assertThat(x[2 * HALF + 1]).isZero();
    }
  }

  @ParameterizedTest
  @EnumSource
  void positionsAreRotatedByTheRuleForTheLengthSoFar(Scaling scaling) {
    RopeConfig rope = rope(scaling);
    RotaryTable table = new RotaryTable(rope, MAX);
    check(table, rope, 0, 15, 15);
    for (int p = 15; p < 300; p++) {
      check(table, rope, p, p + 1, p + 1);
    }
    check(table, rope, 10, 12, 12);
    check(table, rope, 12, 70, 90);
    check(table, rope, 70, 90, 90);
    check(table, rope, 0, 5, 5);
  }
}
