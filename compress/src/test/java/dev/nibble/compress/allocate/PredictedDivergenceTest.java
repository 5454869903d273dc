package dev.nibble.compress.allocate;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.compress.RecordedEvents;
import dev.nibble.compress.testing.TinyRun;
import dev.nibble.core.model.TensorNames;
import dev.nibble.models.ResidentModel;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The prediction against the divergence itself, on the bundled model. */
class PredictedDivergenceTest {
  private static final List<String> SITES =
      List.of(
          TensorNames.EMBEDDING,
          TensorNames.layer(0, TensorNames.Q),
          TensorNames.layer(0, TensorNames.DOWN),
          TensorNames.layer(1, TensorNames.UP),
          TensorNames.layer(2, TensorNames.O),
          TensorNames.layer(3, TensorNames.GATE));

  private static final Map<String, Double> PREDICTED = new LinkedHashMap<>();
  private static final Map<String, Double> MEASURED = new LinkedHashMap<>();

  @BeforeAll
  static void measure() {
    int[][] tokens = TinyLm.tokens("calibration.txt", 6, 128);
    try (TinyLm lm = new TinyLm();
        ResidentModel original =
            changed(lm, tokens, "rtn: { spec: int8:channel, targets: [ none ] }")) {
      new AllocationRun(lm.weights(), tokens)
          .of("{ size: { levels: [ 'int3:g64', keep ], bits: 16 } }, gptq")
          .reports()
          .getFirst()
          .rows()
          .forEach(row -> PREDICTED.put(row.unit(), row.score()));
      for (String site : SITES) {
        String options = "clip: mse, clip_norm: 2, spec: 'int3:g64'";
        String step =
            site.equals(TensorNames.EMBEDDING)
                ? "rtn: { " + options + ", targets: [ none ], embedding: 'int3:g64' }"
                : "gptq: { " + options + ", targets: [ '" + site + "$' ] }";
        try (ResidentModel one = changed(lm, tokens, step)) {
          MEASURED.put(site, TinyLm.divergence(original, one, tokens));
        }
      }
    }
  }

  private static ResidentModel changed(TinyLm lm, int[][] tokens, String step) {
    return new TinyRun(lm.weights(), tokens, new RecordedEvents(), 2)
        .apply(AllocationRun.steps("{ " + step + " }").getFirst());
  }

  @Test
  void isRightWithinAFactorOfTwoWhereItMatters() {
    MEASURED.forEach(
        (site, measured) ->
            assertThat(PREDICTED.get(site))
                .as(site)
                .isBetween(measured / (measured > 1e-4 ? 2 : 5), measured * 2));
  }

  @Test
  void ordersTheSitesAsTheyAre() {
    List<String> byPrediction =
        SITES.stream().sorted((a, b) -> PREDICTED.get(b).compareTo(PREDICTED.get(a))).toList();
    List<String> byMeasurement =
        SITES.stream().sorted((a, b) -> MEASURED.get(b).compareTo(MEASURED.get(a))).toList();
    assertThat(byPrediction.subList(0, 3)).isEqualTo(byMeasurement.subList(0, 3));
    assertThat(MEASURED.get(byMeasurement.getFirst()))
        .isGreaterThan(100 * MEASURED.get(byMeasurement.getLast()));
  }
}
