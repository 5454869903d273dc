package dev.nibble.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.ModelWeights;
import dev.nibble.core.rounding.RoundToNearest;
import dev.nibble.core.rounding.RoundingOptions;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.runtime.emit.Processor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Sessions on emitted code. */
class EmittedSessionTest {
  private static final ModelConfig LLAMA = RandomModel.llama(2, 4, 2, 32, 192, 101);
  private static final int TOKENS = 21;

  @BeforeEach
  void needsTheProcessor() {
    assumeTrue(Processor.current().avx512Vnni(), Processor.current().why());
  }

  private static ModelWeights quantized() {
    return new RandomModel(LLAMA, 7)
        .mappedWhole(
            t ->
                RoundToNearest.quantize(
                    t.toFloats(), t.shape(), QuantSpec.parse("int4:g32"), RoundingOptions.DEFAULT));
  }

  private static int[] text(int seed) {
    return new Random(seed).ints(TOKENS, 0, LLAMA.vocabSize()).toArray();
  }

  private static float[] alone(TextModel model, int[] text) {
    Session session = model.newSession();
    session.prefill(Arrays.copyOf(text, 3));
    for (int i = 3; i < TOKENS; i++) {
      session.decode(text[i]);
    }
    return session.logits().clone();
  }

  /** Prefill or decoding, alone or in company, one thread or three: the same bits. */
  @Test
  void howTokensComeTogetherChangesNoBit() {
    List<float[]> expected = new ArrayList<>();
    try (TextModel model = TextModel.of(quantized(), RuntimeOptions.DEFAULT.withThreads(1))) {
      assertThat(model.kernels()).contains("emitted4");
      for (int s = 0; s < 6; s++) {
        expected.add(alone(model, text(s)));
        Session whole = model.newSession();
        whole.prefill(text(s));
        assertThat(whole.logits()).isEqualTo(expected.get(s));
      }
    }
    try (TextModel model = TextModel.of(quantized(), RuntimeOptions.DEFAULT.withThreads(3))) {
      Batch batch = model.newBatch();
      List<Session> sessions = new ArrayList<>();
      for (int s = 0; s < 6; s++) {
        sessions.add(model.newSession());
        batch.add(sessions.get(s), Arrays.copyOf(text(s), 2 + s));
      }
      batch.run();
      for (int i = 2; i < TOKENS; i++) {
        for (int s = 0; s < 6; s++) {
          if (i >= 2 + s) {
            batch.add(sessions.get(s), text(s)[i]);
          }
        }
        batch.step();
      }
      for (int s = 0; s < 6; s++) {
        assertThat(sessions.get(s).logits()).isEqualTo(expected.get(s));
      }
    }
  }

  @Test
  void eightBitsStayNearSinglePrecision() {
    RuntimeOptions exact = RuntimeOptions.DEFAULT.withActivations(Activations.FP32);
    try (TextModel rounded = TextModel.of(quantized(), RuntimeOptions.DEFAULT);
        TextModel single = TextModel.of(quantized(), exact)) {
      float[] a = alone(rounded, text(1));
      float[] b = alone(single, text(1));
      double error = 0;
      double size = 0;
      for (int i = 0; i < a.length; i++) {
        error += Math.pow(a[i] - b[i], 2);
        size += Math.pow(b[i], 2);
      }
      assertThat(Math.sqrt(error / size)).isBetween(1e-5, 0.03);
    }
  }
}
