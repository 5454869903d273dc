package dev.nibble.eval.statistics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class StatisticsTest {
  @Test
  void sampleByHand() {
    Sample s = new Sample(new double[] {4, 1, 3, 2});
    assertThat(s.mean()).isEqualTo(2.5);
    assertThat(s.variance()).isCloseTo(5.0 / 3, within(1e-15));
    assertThat(s.standardError()).isCloseTo(Math.sqrt(5.0 / 12), within(1e-15));
    assertThat(s.percentile(0)).isEqualTo(1);
    assertThat(s.percentile(50)).isEqualTo(2.5);
    assertThat(s.percentile(90)).isCloseTo(3.7, within(1e-12));
    assertThat(s.percentile(100)).isEqualTo(4);
    assertThat(s.rootMeanSquare()).isCloseTo(Math.sqrt(7.5), within(1e-15));
    assertThat(s.covariance(s)).isEqualTo(s.variance());
    assertThat(new Sample(new double[] {5}).standardError()).isNaN();
  }

  @Test
  void shareHasABinomialError() {
    Estimate e = Estimate.share(3, 4);
    assertThat(e.value()).isEqualTo(0.75);
    // the same as the standard error of the sample 1 1 1 0
    assertThat(e.standardError())
        .isCloseTo(new Sample(new double[] {1, 1, 1, 0}).standardError(), within(1e-15));
    assertThat(e.halfWidth95()).isCloseTo(1.96 * 0.25, within(1e-4));
  }

  @Test
  void mcNemarExactAndApproximate() {
    assertThat(new McNemar(0, 0).pValue()).isEqualTo(1);
    assertThat(new McNemar(5, 5).pValue()).isEqualTo(1);
    assertThat(new McNemar(0, 5).pValue()).isCloseTo(2.0 / 32, within(1e-15));
    assertThat(new McNemar(8, 2).pValue()).isCloseTo(2.0 * 56 / 1024, within(1e-12));
    assertThat(new McNemar(0, 600).pValue()).isPositive().isLessThan(1e-100);
    // the tail switches to the normal approximation without a jump
    assertThat(new McNemar(2400, 2601).pValue())
        .isCloseTo(new McNemar(2400, 2600).pValue(), within(3e-4));
    assertThat(new McNemar(2500, 2505).pValue()).isCloseTo(0.9549, within(1e-3));
  }
}
