package dev.nibble.compress.transform;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.compress.RecordedEvents;
import dev.nibble.compress.Step;
import dev.nibble.compress.testing.TinyFamilies;
import dev.nibble.compress.testing.TinyRun;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.ModelWeights;
import dev.nibble.core.model.MoeConfig;
import dev.nibble.models.BlockContext;
import dev.nibble.models.DecoderModel;
import dev.nibble.models.ResidentModel;
import dev.nibble.models.Torch;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Assume;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.ShrinkingMode;
import org.bytedeco.pytorch.Tensor;

/**
 * What every transform promises: the network computes the same function, for any shape of decoder
 * it does not object to, whatever the weights, on any number of threads.
 */
abstract class TransformContract {
  static final int SEQUENCES = 3;
  static final int LENGTH = 12;

  /** The step under test; nothing about it may quantize. */
  abstract Step transform();

  /** Shapes: heads, norms, biases, residual order, activation, ties. */
  @Provide
  Arbitrary<ModelConfig> configs() {
    Arbitrary<ModelConfig.Norm> norms = Arbitraries.of(ModelConfig.Norm.class);
    Arbitrary<ModelConfig.Residual> residuals =
        Arbitraries.of(ModelConfig.Residual.class).filter(r -> r != ModelConfig.Residual.POST_NORM);
    Arbitrary<ModelConfig.Activation> activations = Arbitraries.of(ModelConfig.Activation.class);
    Arbitrary<ModelConfig.Positions> positions = Arbitraries.of(ModelConfig.Positions.class);
    Arbitrary<int[]> heads =
        Arbitraries.of(
            new int[] {4, 4, 8}, new int[] {4, 2, 8}, new int[] {4, 1, 4}, new int[] {3, 3, 8});
    Arbitrary<Integer> ffn = Arbitraries.of(64, 44, 92);
    Arbitrary<Integer> flags = Arbitraries.integers().between(0, 255);
    return Combinators.combine(norms, residuals, activations, positions, heads, ffn, flags)
        .as(TransformContract::config);
  }

  private static ModelConfig config(
      ModelConfig.Norm norm,
      ModelConfig.Residual residual,
      ModelConfig.Activation activation,
      ModelConfig.Positions positions,
      int[] heads,
      int ffn,
      int flags) {
    ModelConfig plain = shape(norm, residual, activation, positions, heads, ffn, flags);
    boolean experts = (flags & 128) != 0 && norm == ModelConfig.Norm.RMS;
    return experts ? plain.withMoe(experts(flags)) : plain;
  }

  /** Four experts in one or both layers, perhaps with a shared one, of widths of their own. */
  private static MoeConfig experts(int flags) {
    boolean shared = (flags & 16) != 0;
    return new MoeConfig(
        4,
        2,
        (flags & 1) != 0 ? 20 : 32,
        shared ? 24 : 0,
        shared && (flags & 2) != 0,
        (flags & 4) != 0 ? MoeConfig.Scoring.SIGMOID : MoeConfig.Scoring.SOFTMAX,
        (flags & 8) != 0,
        1,
        (flags & 32) != 0 ? List.of(0) : List.of());
  }

  private static ModelConfig shape(
      ModelConfig.Norm norm,
      ModelConfig.Residual residual,
      ModelConfig.Activation activation,
      ModelConfig.Positions positions,
      int[] heads,
      int ffn,
      int flags) {
    boolean embeddingNorm = (flags & 32) != 0 && positions != ModelConfig.Positions.LEARNED;
    return new TinyFamilies.Shape(
            norm,
            residual,
            activation,
            (flags & 1) != 0,
            positions,
            heads[0],
            heads[1],
            heads[2],
            ffn,
            (flags & 2) != 0,
            (flags & 4) != 0,
            (flags & 8) != 0,
            embeddingNorm,
            (flags & 16) != 0,
            (flags & 64) != 0 && !embeddingNorm ? 12 : 0)
        .config();
  }

  @Property(tries = 40, shrinking = ShrinkingMode.OFF)
  void logitsStay(@ForAll("configs") ModelConfig config, @ForAll long seed) {
    List<String> objections = transform().objections(config);
    // a transform may have nothing to fold into where norms stand behind attention and MLP, too
    Assume.that(objections.isEmpty() || config.residual() != ModelConfig.Residual.SANDWICH);
    assertThat(objections).isEmpty();
    ModelWeights weights = TinyFamilies.weights(config, seed);
    int[][] tokens = TinyFamilies.tokens(config, SEQUENCES, LENGTH, seed + 2);
    RecordedEvents events = new RecordedEvents();
    float[] before = logits(weights, tokens);
    float[] after;
    try (ResidentModel model = new TinyRun(weights, tokens, events, 2).apply(transform())) {
      after = logits(model, tokens);
    }
    assertThat(events.recorded()).noneMatch(e -> e.kind().endsWith("rolled-back"));
    assertThat(largest(before)).as("a model that says something").isGreaterThan(0.1f);
    assertClose(before, after, 1e-3f);
  }

  static void assertClose(float[] expected, float[] found, float tolerance) {
    assertThat(found).hasSameSizeAs(expected);
    float worst = 0;
    for (int i = 0; i < expected.length; i++) {
      worst = Math.max(worst, Math.abs(expected[i] - found[i]));
    }
    assertThat(worst).as("largest difference of logits").isLessThan(tolerance);
  }

  static float largest(float[] values) {
    float max = 0;
    for (float v : values) {
      max = Math.max(max, Math.abs(v));
    }
    return max;
  }

  static float[] logits(ModelWeights weights, int[][] tokens) {
    try (ResidentModel model = DecoderModel.open(weights).loadAll()) {
      return logits(model, tokens);
    }
  }

  static float[] logits(ResidentModel model, int[][] tokens) {
    Tensor out = Torch.noGrad(() -> model.forward(Torch.tokens(tokens), BlockContext.PLAIN));
    try {
      return Torch.toFloats(out);
    } finally {
      out.close();
    }
  }
}
