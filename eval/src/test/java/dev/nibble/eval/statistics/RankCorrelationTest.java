package dev.nibble.eval.statistics;

import static org.assertj.core.api.Assertions.assertThat;

import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

class RankCorrelationTest {

  @Test
  void onlyTheOrderCounts() {
    assertThat(RankCorrelation.spearman(new double[] {1, 5, 100}, new double[] {-2, 0, 0.1}))
        .isCloseTo(1, Offset.offset(1e-12));
    assertThat(RankCorrelation.spearman(new double[] {1, 5, 100}, new double[] {3, 2, 1}))
        .isCloseTo(-1, Offset.offset(1e-12));
    assertThat(RankCorrelation.spearman(new double[] {1, 2}, new double[] {4, 4})).isNaN();
  }

  /** Ranks 1, 2.5, 2.5, 4 against 1, 3, 2, 4: covariance 4.5/3, variances 4.5/3 and 5/3. */
  @Test
  void tiesShareTheMeanOfTheirRanks() {
    assertThat(RankCorrelation.spearman(new double[] {0, 7, 7, 9}, new double[] {1, 6, 5, 8}))
        .isCloseTo(4.5 / Math.sqrt(4.5 * 5), Offset.offset(1e-12));
  }
}
