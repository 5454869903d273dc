package dev.nibble.compress.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.core.testing.SharedData;
import dev.nibble.core.work.Workers;
import dev.nibble.io.model.OpenedModel;
import dev.nibble.io.token.Tokenizer;
import dev.nibble.models.DecoderModel;
import dev.nibble.models.ResidentModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What the bundled model promises: its size, its data, and more skill than counting 5-grams. */
class BundledModelTest {
  private static final int ORDER = 5;
  private static final Path HOME = SharedData.repositoryRoot().resolve("models/tiny-lm");

  private static OpenedModel opened;
  private static ResidentModel model;

  @BeforeAll
  static void open() {
    opened = OpenedModel.open(HOME);
    model = DecoderModel.open(opened.weights()).loadAll();
  }

  @AfterAll
  static void close() {
    model.close();
    opened.close();
  }

  private static List<String> texts(String file) throws IOException {
    String all = Files.readString(HOME.resolve("samples").resolve(file));
    return Stream.of(all.split("<\\|endoftext\\|>")).map(TextCleaner::clean).toList();
  }

  private static int[] tokens(String text) {
    return opened.tokenizer().encode(text, false);
  }

  private static double network(List<String> texts) {
    List<TokenCorpus.Document> documents =
        texts.stream()
            .map(t -> new TokenCorpus.Document(opened.tokenizer().encode(t, true), t.length()))
            .toList();
    try (Workers workers = new Workers(2)) {
      return HeldOut.measure(model, documents, Long.MAX_VALUE, workers).bitsPerCharacter();
    }
  }

  private static double counting(List<String> training, List<String> texts) {
    KneserNey counts =
        new KneserNey(
            ORDER,
            opened.tokenizer().vocabSize(),
            opened.tokenizer().bosId(),
            training.stream().map(BundledModelTest::tokens).toList());
    double nats = texts.stream().mapToDouble(t -> counts.nats(tokens(t))).sum();
    return nats / Math.log(2) / texts.stream().mapToInt(String::length).sum();
  }

  @Test
  void isSmallAndFitsEveryFormat() throws IOException {
    long bytes = 0;
    for (Path file : opened.files()) {
      bytes += Files.size(file);
    }
    assertThat(bytes).isLessThan(16_000_000);
    assertThat(model.config().hiddenSize() % 256).isZero();
    assertThat(model.config().ffnSize() % 256).isZero();
    assertThat(model.config().dtype()).isEqualTo("bfloat16");
  }

  @Test
  void samplesAreLongEnoughToCalibrateAndEvaluateOn() throws IOException {
    assertThat(texts("calibration.txt").stream().mapToInt(t -> tokens(t).length).sum())
        .isGreaterThan(16 * 256);
    assertThat(texts("evaluation.txt").stream().mapToInt(t -> tokens(t).length).sum())
        .isGreaterThan(8192);
    assertThat(texts("evaluation.txt")).doesNotContainAnyElementsOf(texts("calibration.txt"));
  }

  @Test
  void samplesReadTheSameBothWays() throws IOException {
    Tokenizer tokenizer = opened.tokenizer();
    for (String text : texts("evaluation.txt")) {
      assertThat(tokenizer.decode(tokenizer.encode(text, true), true)).isEqualTo(text);
    }
  }

  @Test
  void predictsTheSampleFarBetterThanCountsOfTheOtherSample() throws IOException {
    List<String> evaluation = texts("evaluation.txt");
    assertThat(network(evaluation))
        .isLessThan(0.8 * counting(texts("calibration.txt"), evaluation));
  }

  @Test
  void predictsItsDomainBetterThanCountsOfTheSameText() throws IOException {
    TrainRecipe recipe = TrainRecipe.load(HOME.resolve("train.yaml"));
    TextSource stories = recipe.sources().getFirst();
    Path file = SharedData.path(stories.path().replaceFirst(".*shared/data/", ""));
    TextSource here =
        new TextSource(
            stories.name(),
            file.toString(),
            stories.format(),
            stories.separator(),
            stories.weight(),
            stories.heldOut(),
            stories.chat(),
            stories.minCharacters(),
            stories.origin(),
            stories.licence());
    TrainingText.Part part = TrainingText.part(here, Map.of());
    assertThat(network(part.heldOut()))
        .isLessThan(0.85 * counting(part.training(), part.heldOut()));
    List<String> evaluation = texts("evaluation.txt");
    assertThat(network(evaluation)).isLessThan(0.92 * counting(part.training(), evaluation));
  }

  @Test
  void knowsHowAStoryBegins() {
    int[] prompt = opened.tokenizer().encode("Once upon a", true);
    int[] all = Arrays.copyOf(prompt, prompt.length + 1);
    double time = score(all, tokens(" time")[0]);
    for (String other : new String[] {" house", " the", " dog", "."}) {
      assertThat(time).isLessThan(score(all, tokens(other)[0]) - 3);
    }
  }

  /** Nats of the sequence with its last token replaced. */
  private static double score(int[] sequence, int last) {
    int[] tokens = sequence.clone();
    tokens[tokens.length - 1] = last;
    try (Workers workers = new Workers(1)) {
      return HeldOut.measure(
              model, List.of(new TokenCorpus.Document(tokens, 1)), Long.MAX_VALUE, workers)
          .nats();
    }
  }
}
