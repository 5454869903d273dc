package dev.nibble.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.core.NibbleException;
import dev.nibble.core.model.LanguageModel;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.runtime.decoder.KvKind;
import dev.nibble.runtime.decoder.KvKinds;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CancellationException;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class SessionTest {
  /** Single precision, as rounding to fewer bits magnifies differences in the order of sums. */
  private static final RuntimeOptions ONE =
      RuntimeOptions.DEFAULT.withThreads(1).withCache(KvKinds.of(KvKind.FP32));

  static Stream<ModelConfig> shapes() {
    return Stream.of(
        RandomModel.llama(2, 8, 4, 8, 172, 101),
        RandomModel.llama(1, 3, 3, 20, 64, 64),
        RandomModel.windowed(),
        RandomModel.alibi());
  }

  private static int[] tokens(int n, int vocab) {
    return new Random(n).ints(n, 0, vocab).toArray();
  }

  private static float[][] logits(TextModel model, int[] tokens) {
    float[][] rows = new float[tokens.length][];
    try (LanguageModel lm = model.asSessionsRun()) {
      lm.logits(
          tokens, 0, (p, row, at) -> rows[p] = Arrays.copyOfRange(row, at, at + lm.vocabSize()));
    }
    return rows;
  }

  static double distance(float[] a, float[] b) {
    double difference = 0;
    double size = 0;
    for (int i = 0; i < a.length; i++) {
      difference += Math.pow(a[i] - b[i], 2);
      size += Math.pow(b[i], 2);
    }
    return Math.sqrt(difference / size);
  }

  @ParameterizedTest
  @MethodSource("shapes")
  void decodingOneByOneEqualsPrefillInAnyChunks(ModelConfig config) {
    int[] tokens = tokens(75, config.vocabSize());
    try (TextModel whole = TextModel.of(new RandomModel(config, 1), ONE);
        TextModel chunked = TextModel.of(new RandomModel(config, 1), ONE.withChunk(7))) {
      float[][] expected = logits(whole, tokens);
      float[][] inChunks = logits(chunked, tokens);
      Session session = whole.newSession();
      for (int t = 0; t < tokens.length; t++) {
        float[] row = session.decode(tokens[t]);
        assertThat(distance(row, expected[t])).isLessThan(1e-5);
        assertThat(distance(inChunks[t], expected[t])).isLessThan(1e-5);
      }
      session.reset();
      assertThat(distance(session.prefill(tokens), expected[74])).isLessThan(1e-5);
      session.rewind(40);
      float[] again = session.prefill(Arrays.copyOfRange(tokens, 40, 75));
      assertThat(distance(again, expected[74])).isLessThan(1e-5);
    }
  }

  @ParameterizedTest
  @MethodSource("shapes")
  void theNumberOfThreadsChangesNoBit(ModelConfig config) {
    int[] tokens = tokens(70, config.vocabSize());
    try (TextModel one = TextModel.of(new RandomModel(config, 2), ONE);
        TextModel three = TextModel.of(new RandomModel(config, 2), ONE.withThreads(3))) {
      assertThat(logits(three, tokens)).isDeepEqualTo(logits(one, tokens));
      Session a = one.newSession();
      Session b = three.newSession();
      for (int token : tokens) {
        assertThat(b.decode(token)).containsExactly(a.decode(token));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("shapes")
  void smallerCachesStayCloseAndBecomeSmaller(ModelConfig config) {
    int[] tokens = tokens(70, config.vocabSize());
    try (TextModel full = TextModel.of(new RandomModel(config, 3), ONE)) {
      float[][] expected = logits(full, tokens);
      // what random weights with their sharp attention make of the bounds of AttentionTest
      Map<KvKind, Double> largest =
          Map.of(KvKind.FP32, 0.0, KvKind.FP16, 5e-3, KvKind.Q8, 0.08, KvKind.Q4, 0.7);
      long bytes = Long.MAX_VALUE;
      for (KvKind kind : KvKind.values()) {
        RuntimeOptions options = ONE.withCache(KvKinds.of(kind));
        try (TextModel model = TextModel.of(new RandomModel(config, 3), options)) {
          float[][] rows = logits(model, tokens);
          double worst = 0;
          for (int t = 0; t < tokens.length; t++) {
            worst = Math.max(worst, distance(rows[t], expected[t]));
          }
          assertThat(worst).as(kind.toString()).isLessThanOrEqualTo(largest.get(kind));
          assertThat(worst > 0).isEqualTo(kind != KvKind.FP32);
          Session session = model.newSession();
          session.prefill(tokens);
          assertThat(session.cacheBytes()).isPositive().isLessThan(bytes);
          bytes = session.cacheBytes();
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("shapes")
  void aQuantizedCacheForgetsWhatWasRewound(ModelConfig config) {
    int[] tokens = tokens(300, config.vocabSize());
    int[] other = tokens(90, config.vocabSize());
    RuntimeOptions options = ONE.withCache(KvKinds.parse("k=q8,v=q4"));
    try (TextModel model = TextModel.of(new RandomModel(config, 8), options)) {
      Session used = model.newSession();
      used.prefill(tokens);
      used.rewind(41);
      float[] row = used.prefill(other).clone();
      Session fresh = model.newSession();
      fresh.prefill(Arrays.copyOf(tokens, 41));
      assertThat(fresh.prefill(other)).containsExactly(row);
    }
  }

  @Test
  void cancellationStopsPrefillAndTheSessionGoesOn() {
    ModelConfig config = RandomModel.llama(2, 8, 4, 8, 172, 101);
    try (TextModel model = TextModel.of(new RandomModel(config, 5), ONE)) {
      Session session = model.newSession();
      session.cancel();
      assertThatThrownBy(() -> session.prefill(tokens(20, 101)))
          .isInstanceOf(CancellationException.class);
      assertThat(session.position()).isZero();
      session.prefill(tokens(20, 101));
      assertThat(session.position()).isEqualTo(20);
    }
  }

  @Test
  void aFullContextAndAnUnknownTokenAreExplained() {
    ModelConfig config = RandomModel.llama(1, 4, 2, 8, 64, 50);
    try (TextModel model = TextModel.of(new RandomModel(config, 6), ONE.withContextLength(10))) {
      Session session = model.newSession();
      assertThatThrownBy(() -> session.prefill(new int[] {1, 50}))
          .isInstanceOf(NibbleException.class)
          .hasMessageContaining("token 50");
      assertThat(session.position()).isZero();
      session.prefill(tokens(10, 50));
      assertThatThrownBy(() -> session.decode(1))
          .isInstanceOf(NibbleException.class)
          .hasMessageContaining("context is full");
    }
  }
}
