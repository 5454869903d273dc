package dev.nibble.compress.calibrate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.nibble.compress.recipe.OptionReader;
import org.junit.jupiter.api.Test;

/** From scores to weights. */
class ImportanceTest {
  private static final double[] SCORES = {8, 1, 0, 4, 2};

  static ImportanceOptions options(String json) {
    try {
      OptionReader reader = new OptionReader("token_importance", new ObjectMapper().readTree(json));
      ImportanceOptions out = ImportanceOptions.from(reader);
      reader.rejectUnknown();
      return out;
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(e);
    }
  }

  private static float[] weights(String json, double... scores) {
    return Importance.weights(scores, options(json));
  }

  @Test
  void mapsTheScoresToTheRangeAndTheirMeanToOne() {
    // r = 1, 0.2125, 0.1, 0.55, 0.325
    double sum = 2.1875;
    assertThat(weights("{\"min_value\": 0.1}", SCORES))
        .containsExactly(
            new float[] {
              (float) (5 / sum),
              (float) (5 * 0.2125 / sum),
              (float) (0.5 / sum),
              (float) (5 * 0.55 / sum),
              (float) (5 * 0.325 / sum)
            },
            within(1e-6f));
    float[] squared = weights("{\"min_value\": 0.1, \"importance_power\": 2}", SCORES);
    assertThat(squared[0] / squared[2]).isCloseTo(100f, within(1e-3f));
  }

  @Test
  void scalesOfScoresDoNotMatter() {
    double[] larger = new double[SCORES.length];
    for (int i = 0; i < larger.length; i++) {
      larger[i] = 3.7 * SCORES[i] + 11;
    }
    assertThat(weights("{}", larger)).containsExactly(weights("{}", SCORES), within(1e-6f));
  }

  @Test
  void scoresThatSayNothingGiveOnes() {
    assertThat(weights("{}", 3)).containsExactly(1f);
    assertThat(weights("{}", 0, 0, 0)).containsExactly(1f, 1f, 1f);
    assertThat(weights("{\"min_value\": 1}", SCORES)).containsOnly(1f);
    assertThat(weights("{}", Double.NaN, Double.NaN)).containsOnly(1f);
  }

  @Test
  void paddingCountsForNothingAndLeavesTheRestAlone() {
    float[] without = weights("{}", 5, 1, 3);
    float[] with = weights("{}", Double.NaN, 5, 1, 3);
    assertThat(with[0]).isZero();
    for (int i = 0; i < 3; i++) {
      assertThat(with[i + 1]).isCloseTo(without[i] * 4 / 3, within(1e-6f));
    }
  }

  @Test
  void quantilesBinsAndTruncationBite() {
    float[] clipped = weights("{\"quantile_value\": 0.75, \"min_value\": 0}", SCORES);
    assertThat(clipped[0]).isEqualTo(clipped[3]);
    float[] binned = weights("{\"num_bins\": 2, \"min_value\": 0}", SCORES);
    assertThat(binned[3] / binned[0]).isCloseTo(0.5f, within(1e-6f));
    assertThat(binned[1]).isZero();
    float[] truncated = weights("{\"truncate\": 0.4}", SCORES);
    assertThat(truncated[1]).isZero();
    assertThat(truncated[2]).isZero();
    assertThat(truncated[4]).isPositive();
  }
}
