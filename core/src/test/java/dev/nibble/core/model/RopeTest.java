package dev.nibble.core.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Random;
import org.junit.jupiter.api.Test;

class RopeTest {
  private static RopeConfig scaled(RopeConfig.Scaling scaling, double factor, int original) {
    return new RopeConfig(
        10000, 64, scaling, factor, 1, 4, original, 32, 1, 0, new double[0], new double[0]);
  }

  @Test
  void plainFrequenciesAreAGeometricSeries() {
    double[] f = Rope.inverseFrequencies(RopeConfig.plain(10000, 64), 2048, 2048);
    assertThat(f).hasSize(32);
    assertThat(f[0]).isEqualTo(1);
    assertThat(f[16]).isEqualTo(0.01, within(1e-15));
    assertThat(Rope.attentionFactor(RopeConfig.plain(10000, 64), 2048)).isEqualTo(1);
  }

  @Test
  void dynamicScalingStartsBeyondTheTrainedContext() {
    RopeConfig dynamic = scaled(RopeConfig.Scaling.DYNAMIC, 2, 0);
    double[] plain = Rope.inverseFrequencies(RopeConfig.plain(10000, 64), 512, 512);
    assertThat(Rope.inverseFrequencies(dynamic, 512, 512)).containsExactly(plain, within(1e-12));
    // NTK base at twice the context with factor 2: theta * 3^(64/62)
    double base = 10000 * Math.pow(3, 64.0 / 62);
    assertThat(Rope.inverseFrequencies(dynamic, 512, 1024)[31])
        .isEqualTo(Math.pow(base, -62.0 / 64), within(1e-12));
  }

  @Test
  void llama3KeepsFastPairsAndStretchesSlowOnes() {
    double[] plain = Rope.inverseFrequencies(RopeConfig.plain(10000, 64), 8192, 1);
    double[] f = Rope.inverseFrequencies(scaled(RopeConfig.Scaling.LLAMA3, 8, 1024), 8192, 1);
    assertThat(f[0]).isEqualTo(plain[0]);
    assertThat(f[31]).isEqualTo(plain[31] / 8, within(1e-15));
    assertThat(f).isSortedAccordingTo((a, b) -> Double.compare(b, a));
  }

  @Test
  void yarnInterpolatesOnlySlowPairs() {
    RopeConfig yarn = scaled(RopeConfig.Scaling.YARN, 4, 2048);
    double[] plain = Rope.inverseFrequencies(RopeConfig.plain(10000, 64), 8192, 1);
    double[] f = Rope.inverseFrequencies(yarn, 8192, 1);
    assertThat(f[0]).isEqualTo(plain[0]);
    assertThat(f[31]).isEqualTo(plain[31] / 4, within(1e-15));
    assertThat(Rope.attentionFactor(yarn, 8192)).isEqualTo(0.1 * Math.log(4) + 1);
  }

  @Test
  void linearScalingDividesEveryFrequency() {
    double[] plain = Rope.inverseFrequencies(RopeConfig.plain(10000, 64), 2048, 1);
    double[] f = Rope.inverseFrequencies(scaled(RopeConfig.Scaling.LINEAR, 4, 0), 2048, 9000);
    for (int i = 0; i < 32; i++) {
      assertThat(f[i]).isEqualTo(plain[i] / 4, within(1e-15));
    }
  }

  @Test
  void longRopeHasAFactorForEachPairAndLengthClass() {
    double[] shortFactor = new Random(1).doubles(32, 1, 2).toArray();
    double[] longFactor = new Random(2).doubles(32, 2, 60).toArray();
    RopeConfig rope =
        new RopeConfig(
            10000,
            64,
            RopeConfig.Scaling.LONGROPE,
            1,
            1,
            4,
            4096,
            32,
            1,
            0,
            shortFactor,
            longFactor);
    double[] plain = Rope.inverseFrequencies(RopeConfig.plain(10000, 64), 131072, 1);
    double[] inside = Rope.inverseFrequencies(rope, 131072, 4096);
    double[] beyond = Rope.inverseFrequencies(rope, 131072, 4097);
    for (int i = 0; i < 32; i++) {
      assertThat(inside[i]).isEqualTo(plain[i] / shortFactor[i], within(1e-15));
      assertThat(beyond[i]).isEqualTo(plain[i] / longFactor[i], within(1e-15));
    }
    // Phi-3: sqrt(1 + ln(131072 / 4096) / ln 4096) = 1.1902380714238083
    assertThat(Rope.attentionFactor(rope, 131072)).isEqualTo(1.1902380714238083, within(1e-12));
  }

  @Test
  void equalEffectiveLengthsHaveEqualFrequencies() {
    for (RopeConfig.Scaling scaling : RopeConfig.Scaling.values()) {
      RopeConfig rope =
          new RopeConfig(
              10000, 4, scaling, 2, 1, 4, 64, 32, 1, 0, new double[] {1, 2}, new double[] {3, 4});
      for (int length : new int[] {1, 64, 65, 100, 128, 129, 300}) {
        int shortest = Rope.effectiveLength(rope, 128, length);
        assertThat(shortest).isBetween(0, length);
        assertThat(Rope.inverseFrequencies(rope, 128, shortest))
            .containsExactly(Rope.inverseFrequencies(rope, 128, length));
      }
    }
  }
}
