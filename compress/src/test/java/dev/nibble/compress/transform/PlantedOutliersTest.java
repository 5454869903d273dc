package dev.nibble.compress.transform;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.compress.RecordedEvents;
import dev.nibble.compress.Step;
import dev.nibble.compress.activation.ActivationOptions;
import dev.nibble.compress.activation.QuantizeActivations;
import dev.nibble.compress.testing.TinyFamilies;
import dev.nibble.compress.testing.TinyRun;
import dev.nibble.core.model.InMemoryWeights;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.op.ActivationQuant;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.models.BlockContext;
import dev.nibble.models.DecoderModel;
import dev.nibble.models.FakeQuant;
import dev.nibble.models.ResidentModel;
import dev.nibble.models.Torch;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;

/**
 * Outlier channels planted without changing the function: gains of a norm times 30 or 64, the
 * columns that read them divided by as much.
 */
class PlantedOutliersTest {
  private static final ModelConfig CONFIG =
      new TinyFamilies.Shape(
              ModelConfig.Norm.RMS,
              ModelConfig.Residual.SEQUENTIAL,
              ModelConfig.Activation.SILU,
              true,
              ModelConfig.Positions.ROPE,
              8,
              8,
              32,
              384,
              false,
              false,
              false,
              false,
              false,
              0)
          .config();
  private static final int[][] TOKENS = TinyFamilies.tokens(CONFIG, 4, 24, 2);

  private static InMemoryWeights planted(float factor, int... channels) {
    InMemoryWeights plain = InMemoryWeights.random(CONFIG, 0.06, 5);
    Map<String, PackedTensor> tensors = new LinkedHashMap<>();
    for (String name : plain.names()) {
      float[] values = plain.tensor(name).toFloats();
      boolean gain = name.startsWith("model.layers.") && name.endsWith("layernorm.weight");
      boolean reader = name.matches(".*(q|k|v|gate|up)_proj\\.weight");
      int width = CONFIG.hiddenSize();
      for (int channel : channels) {
        for (int i = channel; (gain || reader) && i < values.length; i += width) {
          values[i] = gain ? values[i] * factor : values[i] / factor;
        }
      }
      tensors.put(name, DenseTensor.of(values, plain.tensor(name).shape()));
    }
    return new InMemoryWeights(CONFIG, tensors, Map.of());
  }

  private static ResidentModel run(InMemoryWeights weights, Step... steps) {
    return new TinyRun(weights, TOKENS, new RecordedEvents(), 1).apply(steps);
  }

  @Test
  void rotationSavesFourBitActivationsFromOutliers() {
    InMemoryWeights weights = planted(30, 17, 140);
    double[] before;
    double[] after;
    try (ResidentModel plain = run(weights);
        ResidentModel rotated = run(weights, RotateTest.rotate(ResidualRotation.Kind.HADAMARD))) {
      before = inputErrors(plain);
      after = inputErrors(rotated);
    }
    assertThat(before[0]).as("input error with outliers").isGreaterThan(0.05);
    assertThat(before[0] / after[0]).as("gain on the input").isGreaterThan(4);
    assertThat(before[1] / after[1]).as("gain on the output").isGreaterThan(20);
  }

  /**
   * Relative squared errors of per-token INT4 inputs of the first block's q projection, and of its
   * output. Nearly all the energy of the input lies in the outliers, which 4 bits hold well; the
   * output shows what becomes of the other channels.
   */
  private static double[] inputErrors(ResidentModel model) {
    String q = "model.layers.0.self_attn.q_proj";
    double[] sums = new double[4];
    Torch.noGrad(
        () -> {
          Tensor weight = model.blocks().get(1).parameter(q + ".weight").transpose(0, 1);
          model.hidden(
              Torch.tokens(TOKENS),
              new BlockContext(
                  (site, x) -> {
                    if (site.equals(q)) {
                      Tensor error = FakeQuant.apply(ActivationQuant.perToken(4), x).sub(x);
                      sums[0] = error.square().sum().item_double();
                      sums[1] = x.square().sum().item_double();
                      sums[2] = error.matmul(weight).square().sum().item_double();
                      sums[3] = x.matmul(weight).square().sum().item_double();
                    }
                  }));
          return null;
        });
    return new double[] {sums[0] / sums[1], sums[2] / sums[3]};
  }

  @Test
  void smoothingSavesPerTensorActivationsFromOutliers() {
    InMemoryWeights weights = planted(64, 3, 50, 121, 200);
    ActivationQuant tensor =
        new ActivationQuant(8, ActivationQuant.Granularity.TENSOR, 0, true, 1f, 0f, 0);
    Step activations = new QuantizeActivations(ActivationOptions.fixed(tensor));
    double naive = logitError(weights, activations);
    double smoothed = logitError(weights, new SmoothQuant(new SmoothOptions(0.5, 64)), activations);
    double automatic =
        logitError(weights, new SmoothQuant(new SmoothOptions(Double.NaN, 64)), activations);
    assertThat(naive / smoothed).as("%s to %s", naive, smoothed).isGreaterThan(5);
    assertThat(naive / automatic).as("%s to %s", naive, automatic).isGreaterThan(5);
  }

  @Test
  void rotationAndItsRunTimePartLowerTheErrorOfFourBitActivations() {
    InMemoryWeights weights = planted(30, 17, 140);
    Step activations =
        new QuantizeActivations(ActivationOptions.dynamic(ActivationQuant.perToken(4)));
    double plain = logitError(weights, activations);
    Rotate full =
        new Rotate(
            new RotationOptions(
                ResidualRotation.Kind.HADAMARD,
                7,
                Set.of(RotationOptions.Online.DOWN, RotationOptions.Online.O)));
    assertThat(logitError(weights, full, activations)).isLessThan(0.5 * plain);
  }

  /** Relative squared error of the logits. */
  private static double logitError(InMemoryWeights weights, Step... steps) {
    float[] expected;
    try (ResidentModel original = DecoderModel.open(weights).loadAll()) {
      expected = TransformContract.logits(original, TOKENS);
    }
    try (ResidentModel model = run(weights, steps)) {
      float[] found = TransformContract.logits(model, TOKENS);
      double error = 0;
      double norm = 0;
      for (int i = 0; i < found.length; i++) {
        error += Math.pow(found[i] - expected[i], 2);
        norm += Math.pow(expected[i], 2);
      }
      return error / norm;
    }
  }
}
