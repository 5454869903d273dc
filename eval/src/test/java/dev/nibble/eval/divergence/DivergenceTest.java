package dev.nibble.eval.divergence;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.core.ModelFormatException;
import dev.nibble.core.NibbleException;
import dev.nibble.core.model.LanguageModel;
import dev.nibble.core.progress.Progress;
import dev.nibble.core.work.Workers;
import dev.nibble.eval.FakeModel;
import dev.nibble.eval.perplexity.Protocol;
import dev.nibble.eval.perplexity.TokenizedText;
import dev.nibble.eval.perplexity.Windows;
import dev.nibble.eval.scoring.Window;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DivergenceTest {
  private static final int VOCAB = 97;

  @TempDir Path dir;
  private Workers workers;

  @BeforeEach
  void start() {
    workers = new Workers(2);
  }

  @AfterEach
  void stop() {
    workers.close();
  }

  private static TokenizedText text(int vocab, int length) {
    int[] tokens = new SplittableRandom(7).ints(length, 0, vocab).toArray();
    return new TokenizedText("random", tokens, 1, false);
  }

  private static List<Window> windows(int vocab, int length) {
    return Windows.of(text(vocab, length), Protocol.parse("gptq:32").resolve(64));
  }

  private static FakeModel model(double noise, long noiseSeed) {
    return FakeModel.random(VOCAB, 64, 3, noise, noiseSeed);
  }

  private DivergenceResult live(LanguageModel p, LanguageModel q, List<Window> windows) {
    try (Baseline baseline = Baseline.live(p, windows, workers)) {
      return Divergence.measure(baseline, q, "test", workers, Progress.SILENT);
    }
  }

  @Test
  void aModelDoesNotDivergeFromItself() {
    DivergenceResult result = live(model(0, 0), model(0, 0), windows(VOCAB, 320));
    assertThat(result.positions()).isEqualTo(310);
    assertThat(result.kld().value()).isZero();
    assertThat(result.kldMax()).isZero();
    assertThat(result.top1().value()).isEqualTo(1);
    assertThat(result.top5().value()).isEqualTo(1);
    assertThat(result.deltaPRms()).isZero();
    assertThat(result.lnPplRatio().value()).isZero();
    assertThat(result.perplexityBase()).isEqualTo(result.perplexityQuantized());
    assertThat(result.histogram().counts().getFirst()).isEqualTo(310);
  }

  @Test
  void threeTokensByHand() {
    float ln2 = (float) Math.log(2);
    FakeModel p = FakeModel.bigram(new float[][] {{ln2, 0, 0}, {0, 0, 0}, {0, 0, 0}}, 8);
    FakeModel q = FakeModel.bigram(new float[][] {{0, 0, ln2}, {0, 0, 0}, {0, 0, 0}}, 8);
    // P = 1/2 1/4 1/4, Q = 1/4 1/4 1/2 after token 0; equal after 1
    List<Window> windows = List.of(new Window(new int[] {0, 1}, 0, new int[] {0, 2}));
    DivergenceResult result = live(p, q, windows);
    double kld = 0.25 * Math.log(2);
    assertThat(result.kld().value()).isCloseTo(kld / 2, within(1e-7));
    assertThat(result.kld().standardError()).isCloseTo(kld / 2, within(1e-7));
    assertThat(result.kldPercentiles().p50()).isCloseTo(kld / 2, within(1e-7));
    assertThat(result.kldMax()).isCloseTo(kld, within(1e-7));
    assertThat(result.top1().value()).isEqualTo(0.5);
    assertThat(result.deltaP().value()).isCloseTo(-0.125, within(1e-7));
    assertThat(result.lnPplRatio().value()).isCloseTo(Math.log(2) / 2, within(1e-7));
    assertThat(result.perplexityBase().value()).isCloseTo(Math.sqrt(6), within(1e-6));
  }

  @Property(tries = 30)
  void divergenceIsNotNegativeAndGrowsWithTheNoise(
      @ForAll @DoubleRange(min = 0.01, max = 2) double noise) {
    workers = new Workers(1);
    List<Window> windows = windows(VOCAB, 64);
    DivergenceResult small = live(model(0, 0), model(noise, 1), windows);
    DivergenceResult large = live(model(0, 0), model(2 * noise, 1), windows);
    assertThat(small.kldPercentiles().p1()).isGreaterThanOrEqualTo(-1e-6);
    assertThat(large.kld().value()).isGreaterThan(small.kld().value());
    workers.close();
  }

  @Test
  void theErrorOfTheRatioIsPaired() {
    DivergenceResult result = live(model(0, 0), model(0.1, 1), windows(VOCAB, 640));
    double separate =
        Math.hypot(
            result.perplexityBase().standardError() / result.perplexityBase().value(),
            result.perplexityQuantized().standardError() / result.perplexityQuantized().value());
    assertThat(result.lnPplRatio().standardError()).isBetween(1e-6, separate / 10);
  }

  @Test
  void threadsDoNotChangeTheResult() {
    DivergenceResult two = live(model(0, 0), model(0.3, 1), windows(VOCAB, 320));
    workers.close();
    workers = new Workers(1);
    assertThat(live(model(0, 0), model(0.3, 1), windows(VOCAB, 320))).isEqualTo(two);
  }

  @Test
  void baselineFileAgreesWithTheLiveBaseline() throws IOException {
    List<Window> windows = windows(VOCAB, 320);
    Path file = dir.resolve("base.bin");
    BaselineFile.write(file, model(0, 0), "m", windows, workers, Progress.SILENT);
    assertThat(Files.size(file)).isEqualTo(BaselineFile.size(VOCAB, windows));
    try (Stream<Path> left = Files.list(dir)) {
      assertThat(left).containsExactly(file);
    }
    DivergenceResult own;
    DivergenceResult other;
    try (Baseline baseline = BaselineFile.open(file, "m", windows)) {
      own = Divergence.measure(baseline, model(0, 0), "test", workers, Progress.SILENT);
      other = Divergence.measure(baseline, model(0.3, 1), "test", workers, Progress.SILENT);
    }
    assertThat(own.kldMax()).isLessThan(1e-5);
    assertThat(own.kld().value()).isBetween(-1e-12, 1e-6);
    assertThat(own.top1().value()).isEqualTo(1);
    assertThat(own.top5().value()).isEqualTo(1);
    DivergenceResult live = live(model(0, 0), model(0.3, 1), windows);
    assertThat(other.kld().value()).isCloseTo(live.kld().value(), within(1e-5));
    assertThat(other.lnPplRatio().value()).isCloseTo(live.lnPplRatio().value(), within(1e-6));
    assertThat(other.top1()).isEqualTo(live.top1());
  }

  @Test
  void rowsAreKeptAlikeInMemoryAndInAFile() {
    for (long inMemory : new long[] {0, 1 << 20}) {
      try (RowStore store = new RowStore(3, 5, inMemory)) {
        float[] rows = {9, 1, 2, 3, 4, 5, -1, -2, -3, -4, -5};
        store.write(2, rows, 6);
        store.write(0, rows, 1);
        float[] read = new float[5];
        store.read(0, read);
        assertThat(read).containsExactly(1, 2, 3, 4, 5);
        store.read(2, read);
        assertThat(read).containsExactly(-1, -2, -3, -4, -5);
        store.write(2, rows, 0);
        store.read(2, read);
        assertThat(read).containsExactly(9, 1, 2, 3, 4);
      }
    }
  }

  @Test
  void foreignAndDamagedBaselineFilesAreRefused() throws IOException {
    List<Window> windows = windows(VOCAB, 64);
    Path file = dir.resolve("base.bin");
    BaselineFile.write(file, model(0, 0), "m", windows, workers, Progress.SILENT);
    assertThatThrownBy(() -> BaselineFile.open(file, "n", windows))
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContaining("another model");
    assertThatThrownBy(() -> BaselineFile.open(file, "m", windows(VOCAB, 96)))
        .hasMessageContaining("another model or other text");
    byte[] bytes = Files.readAllBytes(file);
    Path cut = Files.write(dir.resolve("cut"), Arrays.copyOf(bytes, bytes.length - 1));
    assertThatThrownBy(() -> BaselineFile.open(cut, "m", windows)).hasMessageContaining("bytes");
    Path stub = Files.write(dir.resolve("stub"), new byte[] {1});
    assertThatThrownBy(() -> BaselineFile.open(stub, "m", windows)).hasMessageContaining("short");
    bytes[bytes.length - 40] ^= 4;
    Path flipped = Files.write(dir.resolve("flipped"), bytes);
    try (Baseline baseline = BaselineFile.open(flipped, "m", windows)) {
      assertThatThrownBy(
              () -> Divergence.measure(baseline, model(0, 0), "test", workers, Progress.SILENT))
          .isInstanceOf(ModelFormatException.class)
          .hasMessageContaining("damaged");
    }
    assertThatThrownBy(() -> BaselineFile.open(dir.resolve("none"), "m", windows))
        .hasMessageContaining("no such file");
    assertThatThrownBy(
            () ->
                BaselineFile.write(
                    dir.resolve("no/base"), model(0, 0), "m", windows, workers, Progress.SILENT))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("cannot be written");
  }

  @Test
  void llamaLogitsFileRoundTripsWithinItsNoise() throws IOException {
    Path file = dir.resolve("logits.dat");
    TokenizedText text = text(VOCAB, 130);
    LlamaLogitsFile.write(
        file, model(0, 0), text, Protocol.parse("llamacpp:32"), workers, Progress.SILENT);
    assertThat(Files.size(file)).isEqualTo(20 + 4 * 128 + 4 * 15 * (8 + 2L * (VOCAB + 1)));
    try (Baseline baseline = LlamaLogitsFile.open(file, -1)) {
      assertThat(baseline.windows()).hasSize(4);
      assertThat(baseline.windows().get(2).input())
          .containsExactly(Arrays.copyOfRange(text.tokens(), 64, 95));
      DivergenceResult own =
          Divergence.measure(baseline, model(0, 0), "test", workers, Progress.SILENT);
      assertThat(own.positions()).isEqualTo(60);
      assertThat(own.kld().value()).isBetween(-1e-12, 1e-6);
    }
    byte[] bytes = Files.readAllBytes(file);
    Path cut = Files.write(dir.resolve("cut"), Arrays.copyOf(bytes, bytes.length - 2));
    assertThatThrownBy(() -> LlamaLogitsFile.open(cut, -1))
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContaining("not whole");
    bytes[10] = 127;
    Path huge = Files.write(dir.resolve("huge"), bytes);
    assertThatThrownBy(() -> LlamaLogitsFile.open(huge, -1))
        .isInstanceOf(ModelFormatException.class);
  }

  @Test
  void nonFiniteLogitsAreErrors() {
    FakeModel broken =
        new FakeModel(
            4,
            64,
            (tokens, position, row) -> {
              Arrays.fill(row, 1);
              row[2] = position % 2 == 0 ? Float.NaN : 1;
            });
    List<Window> windows = windows(4, 32);
    DivergenceResult result = live(FakeModel.uniform(4, 64), broken, windows);
    assertThat(result.errors()).isEqualTo(16);
    assertThat(result.positions()).isEqualTo(15);
    assertThat(result.kld().value()).isCloseTo(0, within(1e-12));
    FakeModel dead = new FakeModel(4, 64, (t, p, row) -> Arrays.fill(row, Float.NaN));
    assertThatThrownBy(() -> live(FakeModel.uniform(4, 64), dead, windows))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("finite");
    assertThatThrownBy(() -> live(FakeModel.uniform(5, 64), FakeModel.uniform(4, 64), windows))
        .hasMessageContaining("vocabular");
  }
}
