package dev.nibble.compress.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.core.work.Workers;
import dev.nibble.models.Torch;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;

class AdamWTest {
  private static final Schedule SCHEDULE =
      TrainRecipe.parse(
              "train: { sources: [ { name: a, path: b } ], schedule: { steps: 9, warm_up: 0,"
                  + " learning_rate: 0.1, final_rate: 1, weight_decay: 0.5, clip: 1 } }",
              "test")
          .schedule();

  private static double[][] reference(double weight, double decay, double[] gradients) {
    double m = 0;
    double v = 0;
    double w = weight;
    double[][] out = new double[gradients.length][];
    for (int t = 1; t <= gradients.length; t++) {
      double g = gradients[t - 1];
      m = 0.9 * m + 0.1 * g;
      v = 0.95 * v + 0.05 * g * g;
      w *= 1 - 0.1 * decay;
      w -= 0.1 * (m / (1 - Math.pow(0.9, t))) / (Math.sqrt(v / (1 - Math.pow(0.95, t))) + 1e-8);
      out[t - 1] = new double[] {w};
    }
    return out;
  }

  @Test
  void followsThePublishedUpdateAndDecaysMatricesOnly() {
    Torch.run(
        () -> {
          Tensor matrix = Torch.fromFloats(new float[] {2f}, 1, 1);
          Tensor gain = Torch.fromFloats(new float[] {2f}, 1);
          Map<String, Tensor> parameters = new LinkedHashMap<>();
          parameters.put("matrix", matrix);
          parameters.put("gain", gain);
          double[] gradients = {0.3, -0.2, 0.5};
          double[][] decayed = reference(2, 0.5, gradients);
          double[][] plain = reference(2, 0, gradients);
          try (Workers workers = new Workers(1);
              AdamW optimizer = new AdamW(parameters, SCHEDULE.rule(), workers)) {
            for (int step = 0; step < gradients.length; step++) {
              float g = (float) gradients[step];
              optimizer.step(
                  List.of(
                      Torch.fromFloats(new float[] {g}, 1, 1),
                      Torch.fromFloats(new float[] {g}, 1)),
                  step);
              assertThat((double) Torch.toFloats(matrix)[0])
                  .isEqualTo(decayed[step][0], within(1e-5));
              assertThat((double) Torch.toFloats(gain)[0]).isEqualTo(plain[step][0], within(1e-5));
            }
          }
        });
  }

  @Test
  void clipsByTheNormOfAllGradientsAndLeavesOutBrokenSteps() {
    Torch.run(
        () -> {
          Tensor a = Torch.fromFloats(new float[] {1f, 1f}, 2);
          Tensor b = Torch.fromFloats(new float[] {1f}, 1);
          Map<String, Tensor> parameters = new LinkedHashMap<>();
          parameters.put("a", a);
          parameters.put("b", b);
          try (Workers workers = new Workers(1);
              AdamW optimizer = new AdamW(parameters, SCHEDULE.rule(), workers)) {
            double norm =
                optimizer.step(
                    List.of(
                        Torch.fromFloats(new float[] {3f, 0f}, 2),
                        Torch.fromFloats(new float[] {4f}, 1)),
                    0);
            assertThat(norm).isEqualTo(5.0, within(1e-6));
            Tensor first = optimizer.state().get("first/b");
            assertThat((double) Torch.toFloats(first)[0]).isEqualTo(0.1 * 4 / 5, within(1e-6));
            float before = Torch.toFloats(a)[0];
            double broken =
                optimizer.step(
                    List.of(
                        Torch.fromFloats(new float[] {Float.NaN, 0f}, 2),
                        Torch.fromFloats(new float[] {4f}, 1)),
                    1);
            assertThat(broken).isNaN();
            assertThat(Torch.toFloats(a)[0]).isEqualTo(before);
          }
        });
  }
}
