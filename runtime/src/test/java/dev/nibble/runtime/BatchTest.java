package dev.nibble.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.core.NibbleException;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.ModelWeights;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.op.ActivationQuant;
import dev.nibble.core.op.SiteOps;
import dev.nibble.core.rounding.RoundToNearest;
import dev.nibble.core.rounding.RoundingOptions;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.core.testing.FamilyFixtures;
import dev.nibble.core.testing.FamilyFixtures.Fixture;
import dev.nibble.io.model.OpenedModel;
import dev.nibble.runtime.Batch.Outcome;
import dev.nibble.runtime.decoder.KvKind;
import dev.nibble.runtime.decoder.KvKinds;
import dev.nibble.runtime.kernel.Products;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class BatchTest {
  /** With a cache that rounds nothing, so that differences stay those of the kernels. */
  private static final RuntimeOptions ONE =
      RuntimeOptions.DEFAULT.withThreads(1).withCache(KvKinds.of(KvKind.FP32));

  private static final ModelConfig LLAMA = RandomModel.llama(2, 8, 4, 8, 172, 101);

  /** What a session's logits may differ by in company, relative to their size. */
  private static final double ROUNDING = 1e-5;

  static Stream<ModelConfig> shapes() {
    return SessionTest.shapes();
  }

  static List<Fixture> families() {
    return FamilyFixtures.all();
  }

  private static int[] tokens(long seed, int n, int vocab) {
    return new Random(seed).ints(n, 0, vocab).toArray();
  }

  private static List<Session> sessions(TextModel model, int count) {
    return Stream.generate(model::newSession).limit(count).toList();
  }

  private static float[] alone(TextModel model, int[] tokens, int prompt) {
    Session session = model.newSession();
    session.prefill(Arrays.copyOf(tokens, prompt));
    for (int t = prompt; t < tokens.length; t++) {
      session.decode(tokens[t]);
    }
    return session.logits();
  }

  /** The same where a cache of half precision rounds what differs in the last bits apart. */
  private static final double HALF_ROUNDING = 1e-3;

  private static void assertClose(float[] actual, float[] expected) {
    assertThat(SessionTest.distance(actual, expected)).isLessThan(ROUNDING);
  }

  /** Prompts of all lengths beside single tokens, sessions that come late and go early. */
  private static void mixedCompany(TextModel model, int vocab, int longest) {
    mixedCompany(model, vocab, longest, ROUNDING);
  }

  private static void mixedCompany(TextModel model, int vocab, int longest, double bound) {
    int[] prompts = {1, 4, longest - 6, 2};
    List<int[]> texts = new ArrayList<>();
    for (int i = 0; i < prompts.length; i++) {
      texts.add(tokens(i, prompts[i] + 5, vocab));
    }
    List<Session> sessions = sessions(model, prompts.length);
    Batch batch = model.newBatch();
    int[] done = new int[prompts.length];
    for (int step = 0; step < 40; step++) {
      for (int i = 0; i < prompts.length; i++) {
        boolean arrived = step >= i;
        if (!arrived || done[i] == texts.get(i).length) {
          continue;
        }
        if (done[i] == 0) {
          batch.add(sessions.get(i), Arrays.copyOf(texts.get(i), prompts[i]));
          done[i] = prompts[i];
        } else if (batch.outcome(sessions.get(i)) == Outcome.READY) {
          batch.add(sessions.get(i), texts.get(i)[done[i]++]);
        }
      }
      batch.step();
    }
    for (int i = 0; i < prompts.length; i++) {
      assertThat(sessions.get(i).position()).isEqualTo(texts.get(i).length);
      float[] expected = alone(model, texts.get(i), prompts[i]);
      assertThat(SessionTest.distance(sessions.get(i).logits(), expected)).isLessThan(bound);
    }
  }

  @ParameterizedTest
  @MethodSource("shapes")
  void everySessionGetsTheLogitsItWouldHaveAlone(ModelConfig config) {
    try (TextModel model = TextModel.of(new RandomModel(config, 1), ONE.withChunk(9))) {
      mixedCompany(model, config.vocabSize(), 75);
    }
    RuntimeOptions half = ONE.withChunk(9).withCache(KvKinds.of(KvKind.FP16));
    try (TextModel model = TextModel.of(new RandomModel(config, 1), half)) {
      mixedCompany(model, config.vocabSize(), 75, HALF_ROUNDING);
    }
  }

  @ParameterizedTest
  @MethodSource("families")
  void soItIsInEveryFamily(Fixture fixture) {
    int length = fixture.tokens().length;
    RuntimeOptions options = ONE.withThreads(2).withContextLength(length);
    OpenedModel opened = OpenedModel.open(fixture.directory());
    try (TextModel model = TextModel.of(opened.weights(), options)) {
      mixedCompany(model, model.config().vocabSize(), Math.min(length, 24));
    }
  }

  /** Who else is in a batch of many changes no bit, nor does the number of threads. */
  @ParameterizedTest
  @MethodSource("shapes")
  void companyAndThreadsChangeNoBit(ModelConfig config) {
    float[][] seen = new float[2][];
    for (int run = 0; run < 2; run++) {
      int company = run == 0 ? Products.FEW : 9;
      try (TextModel model =
          TextModel.of(new RandomModel(config, 2), ONE.withThreads(run == 0 ? 1 : 3))) {
        List<Session> sessions = sessions(model, company + 1);
        Batch batch = model.newBatch();
        for (int step = 0; step < 20; step++) {
          for (int i = company; i >= 0; i--) {
            if (i < company || step % 3 > 0 || run == 0) {
              batch.add(sessions.get(i), tokens(i, 20, config.vocabSize())[step]);
            }
          }
          batch.step();
        }
        seen[run] = sessions.getFirst().logits();
      }
    }
    assertThat(seen[1]).containsExactly(seen[0]);
  }

  /** Quantized weights: whatever kernels this machine runs them by. */
  @Test
  void quantizedWeightsAgreeWithinTheRoundingOfTheirKernels() {
    for (String spec : List.of("int4:g32:asym", "int8:g32:sym", "nf4:g32")) {
      RandomModel weights = new RandomModel(RandomModel.llama(2, 8, 4, 8, 192, 101), 3);
      weights.mapped(
          t ->
              RoundToNearest.quantize(
                  t.toFloats(), t.shape(), QuantSpec.parse(spec), RoundingOptions.DEFAULT));
      try (TextModel model = TextModel.of(weights, ONE)) {
        mixedCompany(model, 101, 60);
      }
    }
  }

  static List<ModelWeights> fewRows() {
    List<ModelWeights> models = new ArrayList<>();
    shapes().forEach(config -> models.add(new RandomModel(config, 9)));
    for (String spec : List.of("int4:g32:asym", "int8:g32:sym", "nf4:g32", "int3:g32:asym")) {
      models.add(
          new RandomModel(RandomModel.llama(2, 8, 4, 8, 192, 101), 9)
              .mapped(
                  t ->
                      RoundToNearest.quantize(
                          t.toFloats(),
                          t.shape(),
                          QuantSpec.parse(spec),
                          RoundingOptions.DEFAULT)));
    }
    return models;
  }

  @ParameterizedTest
  @MethodSource("fewRows")
  void fewSessionsGetTheBitsTheyGetAlone(ModelWeights weights) {
    int vocab = weights.config().vocabSize();
    try (TextModel model = TextModel.of(weights, ONE)) {
      List<Session> together = sessions(model, Products.FEW);
      List<Session> apart = sessions(model, Products.FEW);
      Batch batch = model.newBatch();
      for (int i = 0; i < Products.FEW; i++) {
        int[] prompt = tokens(i, 2 + 7 * i, vocab);
        together.get(i).prefill(prompt);
        apart.get(i).prefill(prompt);
      }
      for (int token : tokens(99, 20, vocab)) {
        for (Session session : together) {
          batch.add(session, token);
        }
        batch.step();
        for (int i = 0; i < Products.FEW; i++) {
          assertThat(together.get(i).logits()).containsExactly(apart.get(i).decode(token));
        }
      }
    }
  }

  /** One scale for a whole tensor must not become one for everybody. */
  @Test
  void aDynamicQuantizerOfTheTensorSeesOneSessionAtATime() {
    ActivationQuant quant =
        new ActivationQuant(4, ActivationQuant.Granularity.TENSOR, 0, true, 1f, 0f, 0);
    SiteOps ops = new SiteOps(List.of(), Optional.of(quant));
    RandomModel weights =
        new RandomModel(LLAMA, 4)
            .with(TensorNames.layer(0, TensorNames.UP), ops)
            .with(TensorNames.layer(0, TensorNames.GATE), ops)
            .with(TensorNames.layer(1, TensorNames.Q), ops)
            .with(TensorNames.HEAD, ops);
    try (TextModel model = TextModel.of(weights, ONE)) {
      mixedCompany(model, 101, 60);
    }
  }

  @Test
  void aCancelledSessionDropsOutAndTheOthersGoOn() {
    try (TextModel model = TextModel.of(new RandomModel(LLAMA, 5), ONE.withChunk(8))) {
      List<Session> sessions = sessions(model, 3);
      Batch batch = model.newBatch();
      for (int i = 0; i < 3; i++) {
        batch.add(sessions.get(i), tokens(i, 4 + 16 * i, 101));
      }
      assertThat(batch.step()).isTrue();
      assertThat(batch.outcome(sessions.get(0))).isEqualTo(Outcome.READY);
      assertThat(sessions.get(1).position()).isEqualTo(4);
      sessions.get(1).cancel();
      batch.run();
      assertThat(batch.outcome(sessions.get(1))).isEqualTo(Outcome.CANCELLED);
      assertThat(sessions.get(1).position()).isEqualTo(4);
      assertThat(batch.outcome(sessions.get(2))).isEqualTo(Outcome.READY);
      assertClose(sessions.get(2).logits(), alone(model, tokens(2, 36, 101), 36));

      batch.add(sessions.get(1), Arrays.copyOfRange(tokens(1, 20, 101), 4, 20));
      batch.run();
      assertClose(sessions.get(1).logits(), alone(model, tokens(1, 20, 101), 20));
    }
  }

  @Test
  void fullContextsAndUnknownTokensFailAlone() {
    try (TextModel model = TextModel.of(new RandomModel(LLAMA, 6), ONE.withContextLength(6))) {
      List<Session> sessions = sessions(model, 3);
      Batch batch = model.newBatch();
      batch.add(sessions.get(0), tokens(0, 6, 101));
      batch.add(sessions.get(1), tokens(1, 5, 101));
      batch.add(sessions.get(2), new int[] {1, 101});
      batch.run();
      assertThat(batch.outcome(sessions.get(2))).isEqualTo(Outcome.FAILED);
      assertThat(batch.failure(sessions.get(2))).hasMessageContaining("token 101");
      assertThat(sessions.get(2).position()).isZero();
      batch.add(sessions.get(0), 1);
      batch.add(sessions.get(1), 2);
      batch.add(sessions.get(2), 3);
      batch.run();
      assertThat(batch.failure(sessions.get(0))).hasMessageContaining("context is full");
      assertThat(sessions.get(0).position()).isEqualTo(6);
      assertThat(batch.outcome(sessions.get(1))).isEqualTo(Outcome.READY);
      assertThat(batch.outcome(sessions.get(2))).isEqualTo(Outcome.READY);
      assertThat(batch.failure(sessions.get(2))).isNull();
      int[] text = Arrays.copyOf(tokens(1, 5, 101), 6);
      text[5] = 2;
      assertClose(sessions.get(1).logits(), alone(model, text, 6));
    }
  }

  /** A pass that fails on one session's numbers is run again without it. */
  @Test
  void numbersThatAreNoneFailAlone() {
    Fixture fixture = FamilyFixtures.of("mixtral");
    OpenedModel opened = OpenedModel.open(fixture.directory());
    try (TextModel model = TextModel.of(PoisonedModel.of(opened.weights(), 7), ONE)) {
      List<Session> sessions = sessions(model, 3);
      Batch batch = model.newBatch();
      int[] text = {1, 2, 3, 4};
      batch.add(sessions.get(0), text);
      batch.add(sessions.get(1), new int[] {1, 7, 3});
      batch.add(sessions.get(2), 5);
      batch.run();
      assertThat(batch.failure(sessions.get(1))).hasMessageContaining("not finite");
      assertThat(sessions.get(1).position()).isZero();
      assertThat(batch.outcome(sessions.get(2))).isEqualTo(Outcome.READY);
      assertClose(sessions.get(0).logits(), alone(model, text, 4));
      assertClose(sessions.get(2).logits(), alone(model, new int[] {5}, 1));
    }
  }

  @Test
  void misuseIsTold() {
    try (TextModel model = TextModel.of(new RandomModel(LLAMA, 7), ONE);
        TextModel other = TextModel.of(new RandomModel(LLAMA, 7), ONE)) {
      Batch batch = model.newBatch();
      Session session = model.newSession();
      assertThatThrownBy(() -> batch.add(other.newSession(), 1))
          .isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> batch.outcome(session)).isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> batch.add(session, new int[0])).isInstanceOf(NibbleException.class);
      assertThat(batch.step()).isFalse();
      batch.add(session, 1);
      assertThatThrownBy(() -> batch.add(session, 2)).isInstanceOf(IllegalStateException.class);
      batch.run();
      batch.remove(session);
      assertThat(batch.size()).isZero();
      assertThat(session.position()).isEqualTo(1);
    }
  }

  /** A model whose embedding of one token is not finite. */
  private record PoisonedModel(ModelWeights weights, PackedTensor embedding)
      implements ModelWeights {

    static PoisonedModel of(ModelWeights weights, int token) {
      PackedTensor table = weights.tensor(TensorNames.weight(TensorNames.EMBEDDING));
      float[] values = table.toFloats();
      int width = table.columns();
      Arrays.fill(values, token * width, (token + 1) * width, Float.NaN);
      return new PoisonedModel(weights, DenseTensor.of(values, table.shape()));
    }

    @Override
    public ModelConfig config() {
      return weights.config();
    }

    @Override
    public Set<String> names() {
      return weights.names();
    }

    @Override
    public PackedTensor tensor(String name) {
      boolean poisoned = name.equals(TensorNames.weight(TensorNames.EMBEDDING));
      return poisoned ? embedding : weights.tensor(name);
    }

    @Override
    public Map<String, SiteOps> siteOps() {
      return weights.siteOps();
    }

    @Override
    public void close() {
      weights.close();
    }
  }
}
