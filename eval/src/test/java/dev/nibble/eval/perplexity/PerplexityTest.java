package dev.nibble.eval.perplexity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.core.NibbleException;
import dev.nibble.core.model.LanguageModel;
import dev.nibble.core.progress.Progress;
import dev.nibble.core.work.Workers;
import dev.nibble.eval.FakeModel;
import dev.nibble.eval.perplexity.Protocol.Kind;
import dev.nibble.eval.scoring.Window;
import java.util.List;
import java.util.SplittableRandom;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PerplexityTest {
  private static final double LN2 = Math.log(2);

  /** After 0: 1/2, 1/4, 1/4; after 1: 1/4, 1/2, 1/4; after 2: 1/8, 1/8, 3/4. */
  private static final float[][] THREE = {
    {(float) LN2, 0, 0}, {5, 5 + (float) LN2, 5}, {-1, -1, (float) (Math.log(6) - 1)}
  };

  private static int[] random(int length, int vocab, long seed) {
    return new SplittableRandom(seed).ints(length, 0, vocab).toArray();
  }

  private static TokenizedText text(int[] tokens) {
    return new TokenizedText("test", tokens, 1, false);
  }

  private static PerplexityResult measure(LanguageModel model, int[] tokens, String protocol) {
    return measure(model, text(tokens), Protocol.parse(protocol), 1);
  }

  private static PerplexityResult measure(
      LanguageModel model, TokenizedText text, Protocol protocol, int threads) {
    try (Workers workers = new Workers(threads)) {
      return Perplexity.measure(model, text, protocol, workers, Progress.SILENT);
    }
  }

  private static PerplexityResult harness(
      LanguageModel model, List<Document> documents, int prefix, int window) {
    Protocol protocol = new Protocol(Kind.HARNESS, window, 0, Bos.DEFAULT, 0);
    try (Workers workers = new Workers(1)) {
      return Perplexity.measureDocuments(
          model, "test", documents, prefix, protocol, workers, Progress.SILENT);
    }
  }

  @Test
  void threeTokenVocabularyByHand() {
    int[] tokens = {0, 0, 1, 2, 2, 1, 0, 2, 9 % 3};
    // windows of 4: targets 0|0 1|0 2|1 and 1|2 0|1 2|0; the ninth token is dropped
    double nll = Math.log(2) + Math.log(4) + Math.log(4) + Math.log(8) + Math.log(4) + Math.log(4);
    PerplexityResult result = measure(FakeModel.bigram(THREE, 8), tokens, "gptq:4");
    assertThat(result.meanNll()).isCloseTo(nll / 6, within(1e-7));
    assertThat(result.perplexity().value()).isCloseTo(Math.exp(nll / 6), within(1e-6));
    assertThat(result.windows()).isEqualTo(2);
    assertThat(result.tokens()).isEqualTo(6);
    double mean = nll / 6 / LN2;
    double variance = 0;
    for (int bits : new int[] {1, 2, 2, 3, 2, 2}) {
      variance += (bits - mean) * (bits - mean) * LN2 * LN2 / 6;
    }
    assertThat(result.perplexity().standardError())
        .isCloseTo(Math.exp(nll / 6) * Math.sqrt(variance / 5), within(1e-6));
  }

  @Test
  void llamaCppScoresTheSecondHalfAndReplacesTheFirstTokenByBos() {
    int[] tokens = {0, 0, 1, 2, 2, 1, 0, 2};
    List<Window> windows =
        Windows.of(
            new TokenizedText("t", tokens, 1, true), Protocol.parse("llamacpp:4").resolve(8));
    assertThat(windows).hasSize(2);
    assertThat(windows.get(1).input()).containsExactly(1, 1, 0);
    assertThat(windows.get(1).from()).isEqualTo(2);
    assertThat(windows.get(1).targets()).containsExactly(2);
    assertThat(measure(FakeModel.bigram(THREE, 8), tokens, "llamacpp:4").meanNll())
        .isCloseTo((Math.log(4) + Math.log(4)) / 2, within(1e-7));
  }

  @Test
  void stridedScoresEveryTokenButTheFirstOnceWithItsContext() {
    int[] tokens = random(29, 5, 1);
    List<Window> windows = Windows.of(text(tokens), Protocol.parse("strided:8:3").resolve(16));
    int next = 1;
    for (Window w : windows) {
      for (int target : w.targets()) {
        assertThat(target).isEqualTo(tokens[next++]);
      }
      assertThat(w.input().length).isLessThanOrEqualTo(7);
    }
    assertThat(next).isEqualTo(29);
    assertThat(windows.get(1).from()).isEqualTo(4);
    assertThat(windows.getLast().targets().length).isPositive();
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 7, 300})
  void uniformModelHasPerplexityOfItsVocabulary(int vocab) {
    FakeModel model = FakeModel.uniform(vocab, 64);
    int[] tokens = random(200, vocab, 3);
    for (String protocol : List.of("gptq:32", "strided:32:8", "llamacpp:32")) {
      PerplexityResult result = measure(model, tokens, protocol);
      assertThat(result.perplexity().value()).as(protocol).isCloseTo(vocab, within(1e-9 * vocab));
      assertThat(result.perplexity().standardError()).isCloseTo(0, within(1e-9));
    }
    PerplexityResult words = harness(model, List.of(new Document(tokens, 200, 400)), 0, 32);
    assertThat(words.perplexity().value()).isCloseTo(vocab, within(1e-9 * vocab));
    assertThat(words.bytePerplexity()).isCloseTo(Math.sqrt(vocab), within(1e-9 * vocab));
    assertThat(words.bitsPerByte()).isCloseTo(Math.log(vocab) / LN2 / 2, within(1e-9));
  }

  @Property(tries = 50)
  void stridedWithStrideOfAWindowEqualsGptq(
      @ForAll @IntRange(min = 2, max = 24) int window, @ForAll @IntRange(min = 1, max = 6) int n) {
    FakeModel model = FakeModel.random(11, 64, window, 0, 0);
    int[] tokens = random(window * n, 11, n);
    PerplexityResult gptq = measure(model, tokens, "gptq:" + window);
    PerplexityResult strided = measure(model, tokens, "strided:" + window + ":" + window);
    assertThat(strided.meanNll()).isEqualTo(gptq.meanNll());
    assertThat(strided.tokens()).isEqualTo(gptq.tokens());
  }

  @Test
  void harnessWindowsGiveOneTokenOfContextAndFillTheLast() {
    int[] tokens = {10, 11, 12, 13, 14, 15, 16, 17, 18, 19};
    List<Window> windows = RollingWindows.of(tokens, 1, 4);
    assertThat(windows).hasSize(3);
    assertThat(windows.get(0).input()).containsExactly(1, 10, 11, 12);
    assertThat(windows.get(0).targets()).containsExactly(10, 11, 12, 13);
    assertThat(windows.get(1).input()).containsExactly(13, 14, 15, 16);
    assertThat(windows.get(1).from()).isZero();
    assertThat(windows.get(2).input()).containsExactly(15, 16, 17, 18);
    assertThat(windows.get(2).targets()).containsExactly(18, 19);
    assertThat(RollingWindows.of(new int[] {7, 8}, 1, 4).getFirst().input()).containsExactly(1, 7);
    assertThat(RollingWindows.of(new int[0], 1, 4)).isEmpty();
  }

  @Test
  void bosPolicies() {
    int[] tokens = {1, 5, 6, 7, 8, 9, 10};
    TokenizedText text = new TokenizedText("t", tokens, 1, true);
    Protocol gptq = Protocol.parse("gptq:3").resolve(8);
    assertThat(Windows.of(text, gptq).getFirst().input()).containsExactly(1, 5);
    List<Window> each = Windows.of(text, gptq.withBos(Bos.EACH_WINDOW));
    assertThat(each).hasSize(3).allSatisfy(w -> assertThat(w.input()[0]).isEqualTo(1));
    assertThat(each.get(1).targets()).containsExactly(7, 8);
    assertThat(Windows.of(text, gptq.withBos(Bos.NEVER)).getFirst().input()).containsExactly(5, 6);
    Protocol strided = Protocol.parse("strided:4:2").resolve(8).withBos(Bos.EACH_WINDOW);
    assertThat(Windows.of(text, strided))
        .satisfies(
            ws -> {
              assertThat(ws.get(0).targets()).containsExactly(5, 6, 7);
              assertThat(ws.get(1).input()).containsExactly(1, 7, 8);
              assertThat(ws.get(1).targets()).containsExactly(8, 9);
              assertThat(ws.get(2).targets()).containsExactly(10);
            })
        .hasSize(3);
    assertThatThrownBy(
            () ->
                Windows.of(
                    new TokenizedText("t", tokens, -1, false), gptq.withBos(Bos.EACH_WINDOW)))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("no BOS");
  }

  @Test
  void threadsDoNotChangeTheResult() {
    FakeModel model = FakeModel.random(101, 64, 5, 0, 0);
    int[] tokens = random(640, 101, 6);
    TokenizedText text = text(tokens);
    PerplexityResult one = measure(model, text, Protocol.parse("strided:64:16"), 1);
    PerplexityResult three = measure(model, text, Protocol.parse("strided:64:16"), 3);
    assertThat(three).isEqualTo(one);
  }

  @Test
  void shortTextAndLongWindowAreExplained() {
    FakeModel model = FakeModel.uniform(4, 16);
    assertThatThrownBy(() -> measure(model, new int[7], "gptq:8"))
        .isInstanceOf(NibbleException.class)
        .hasMessageContainingAll("\"test\"", "7 tokens", "8");
    assertThatThrownBy(() -> measure(model, new int[15], "llamacpp:8"))
        .hasMessageContaining("at least 16");
    assertThatThrownBy(() -> measure(model, new int[64], "gptq:32"))
        .hasMessageContaining("context of 16");
    assertThatThrownBy(() -> measure(model, new int[] {0, 1, 2, 4}, "gptq:4"))
        .hasMessageContaining("token id 4");
    assertThatThrownBy(() -> harness(model, List.of(new Document(new int[0], 0, 0)), 0, 4))
        .isInstanceOf(NibbleException.class);
  }

  @Test
  void nonFiniteLogitsAreCountedNotScored() {
    FakeModel model =
        new FakeModel(
            4,
            16,
            (tokens, position, row) -> {
              java.util.Arrays.fill(row, 0);
              if (position == 1) {
                row[2] = Float.NaN;
              }
            });
    PerplexityResult result = measure(model, new int[12], "gptq:4");
    assertThat(result.errors()).isEqualTo(3);
    assertThat(result.tokens()).isEqualTo(6);
    assertThat(result.perplexity().value()).isCloseTo(4, within(1e-9));
  }

  @Test
  void protocolText() {
    assertThat(Protocol.parse("strided:64").resolve(128).text())
        .isEqualTo("strided window=64 stride=32 bos=default");
    assertThat(Protocol.DEFAULT.withLimit(3).resolve(512).text())
        .isEqualTo("gptq window=512 bos=default limit=3");
    for (String bad :
        List.of("", "ppl", "gptq:x", "gptq:8:4", "gptq:1", "strided:4:8", "gptq:-1")) {
      assertThatThrownBy(() -> Protocol.parse(bad)).as(bad).isInstanceOf(NibbleException.class);
    }
  }

  @Test
  void cleaningUndoesTokenizationMarks() {
    assertThat(
            WikiTextCleaning.clean(
                " = = A ( b ) = = \n He said \" x @-@ y , 1 @,@ 000 . 5 @.@ 2 ; it 's \" ! \n"))
        .isEqualTo(" == A (b) ==\nHe said \"x-y, 1,000. 5.2; it's\"!\n");
    assertThat(Document.of(" a  b\nc ", new int[3]))
        .satisfies(d -> assertThat(d.words()).isEqualTo(5))
        .satisfies(d -> assertThat(d.bytes()).isEqualTo(8));
  }
}
