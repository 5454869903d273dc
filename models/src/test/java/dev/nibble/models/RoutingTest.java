package dev.nibble.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.core.NibbleException;
import dev.nibble.core.model.MoeConfig;
import dev.nibble.core.model.MoeConfig.Scoring;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;

class RoutingTest {
  private static MoeConfig moe(Scoring scoring, boolean norm, double scale) {
    return new MoeConfig(3, 2, 8, 0, false, scoring, norm, scale, List.of());
  }

  /** Weighted sum of one-dimensional outputs 1, 10, 100 of the experts. */
  private static float sum(MoeConfig moe, float... logits) {
    return Torch.scope(
        () -> {
          Routing routing = Routing.of(moe, Torch.fromFloats(logits, 1, 3), "router");
          List<Tensor> outputs = new java.util.ArrayList<>();
          float value = 1;
          for (int e = 0; e < 3; e++) {
            if (routing.tokens(e).length > 0) {
              outputs.add(Torch.fromFloats(new float[] {value}, 1, 1));
            }
            value *= 10;
          }
          return new float[] {Torch.toFloats(routing.combine(outputs))[0]};
        })[0];
  }

  @Test
  void scoresAreTakenOverAllExpertsAndNormalisedOverTheChosen() {
    double a = Math.exp(1);
    double c = Math.exp(2);
    double all = a + 1 + c;
    assertThat(sum(moe(Scoring.SOFTMAX, false, 1), 1, 0, 2))
        .isCloseTo((float) ((a + 100 * c) / all), within(1e-4f));
    assertThat(sum(moe(Scoring.SOFTMAX, true, 2.5), 1, 0, 2))
        .isCloseTo((float) (2.5 * (a + 100 * c) / (a + c)), within(1e-3f));
    double p = 1 / (1 + Math.exp(-1));
    double q = 1 / (1 + Math.exp(-2));
    assertThat(sum(moe(Scoring.SIGMOID, false, 1), 1, 0, 2))
        .isCloseTo((float) (p + 100 * q), within(1e-4f));
  }

  @Test
  void logitsThatAreNotFiniteAreRefusedByTheRoutersName() {
    assertThatThrownBy(() -> sum(moe(Scoring.SOFTMAX, true, 1), 1, Float.NaN, 2))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("router");
  }
}
