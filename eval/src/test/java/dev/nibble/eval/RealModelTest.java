package dev.nibble.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.core.model.LanguageModel;
import dev.nibble.core.progress.Progress;
import dev.nibble.core.testing.SharedData;
import dev.nibble.core.work.Workers;
import dev.nibble.eval.divergence.Baseline;
import dev.nibble.eval.divergence.Divergence;
import dev.nibble.eval.divergence.DivergenceResult;
import dev.nibble.eval.perplexity.Document;
import dev.nibble.eval.perplexity.Perplexity;
import dev.nibble.eval.perplexity.PerplexityResult;
import dev.nibble.eval.perplexity.Protocol;
import dev.nibble.eval.perplexity.TokenizedText;
import dev.nibble.eval.perplexity.Windows;
import dev.nibble.eval.scoring.Window;
import dev.nibble.eval.tasks.TaskCatalog;
import dev.nibble.eval.tasks.TaskOptions;
import dev.nibble.eval.tasks.TaskResult;
import dev.nibble.eval.tasks.TaskRunner;
import dev.nibble.io.data.DataCatalog;
import dev.nibble.io.model.OpenedModel;
import dev.nibble.io.token.Tokenizer;
import dev.nibble.runtime.RuntimeOptions;
import dev.nibble.runtime.TextModel;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The measures on trained models of the shared collection. */
class RealModelTest {
  private DataCatalog data;
  private Workers workers;
  private OpenedModel opened;
  private TextModel engine;
  private LanguageModel model;
  private Tokenizer tokenizer;

  @BeforeEach
  void start() {
    data = new DataCatalog(null, SharedData.path("datasets"));
    workers = new Workers(2);
  }

  private void open(String name) {
    Path directory = SharedData.path("models/" + name);
    opened = OpenedModel.open(directory);
    tokenizer = opened.tokenizer();
    engine = TextModel.of(opened.weights(), RuntimeOptions.DEFAULT.withThreads(2));
    model = engine.asLanguageModel();
  }

  @AfterEach
  void stop() {
    workers.close();
    if (engine != null) {
      engine.close();
    }
  }

  @Test
  void bitsPerCharacterAreThoseOfTheReference() {
    open("stories260k");
    // the collection's manifest: the paragraphs above 200 characters, 1.207 bits per character
    List<Document> paragraphs =
        data.text("tinystories-valid")
            .text()
            .lines()
            .map(String::strip)
            .filter(line -> line.length() > 200)
            .map(line -> document(tokenizer.encode(line, false), line))
            .toList();
    PerplexityResult result =
        Perplexity.measureDocuments(
            model,
            "paragraphs",
            paragraphs,
            tokenizer.bosId(),
            Protocol.parse("harness"),
            workers,
            Progress.SILENT);
    assertThat(result.bitsPerByte()).isCloseTo(1.207, within(0.005));
  }

  /** What the first 511 tokens say, counted in characters. */
  private Document document(int[] tokens, String text) {
    if (tokens.length < 512) {
      return new Document(tokens, 1, text.length());
    }
    int[] cut = Arrays.copyOf(tokens, 511);
    return new Document(cut, 1, tokenizer.decode(cut, true).strip().length());
  }

  @Test
  void protocolsDifferAsTheirContextsDo() {
    open("stories260k");
    TokenizedText text =
        TokenizedText.of("valid", data.text("tinystories-valid").text(), tokenizer);
    double gptq512 = perplexity(text, "gptq:512");
    double gptq64 = perplexity(text, "gptq:64");
    double strided = perplexity(text, "strided:512:128");
    // longer and overlapping contexts help
    assertThat(gptq512).isBetween(5.0, 6.5).isLessThan(gptq64);
    assertThat(strided).isLessThan(gptq512);
  }

  private double perplexity(TokenizedText text, String protocol) {
    PerplexityResult result =
        Perplexity.measure(model, text, Protocol.parse(protocol), workers, Progress.SILENT);
    assertThat(result.errors()).isZero();
    return result.perplexity().value();
  }

  @Test
  void aTrainedModelDoesNotDivergeFromItselfWhateverTheThreads() {
    open("tinystories-656k");
    TokenizedText text =
        TokenizedText.of("valid", data.text("tinystories-valid").text(), tokenizer);
    assertThat(text.addsBos()).isTrue();
    Protocol protocol = Protocol.parse("gptq:128").withLimit(6).resolve(model.contextLength());
    List<Window> windows = Windows.of(text, protocol);
    try (TextModel single =
            TextModel.of(
                OpenedModel.open(opened.path()).weights(), RuntimeOptions.DEFAULT.withThreads(1));
        LanguageModel other = single.asLanguageModel();
        Baseline baseline = Baseline.live(model, windows, workers)) {
      DivergenceResult result =
          Divergence.measure(baseline, other, "self", workers, Progress.SILENT);
      assertThat(result.kldMax()).isZero();
      assertThat(result.top1().value()).isEqualTo(1);
      assertThat(result.lnPplRatio().value()).isZero();
    }
  }

  @Test
  void tinyModelsScoreNearChanceAndTheSameEachTime() {
    open("tinystories-656k");
    TaskRunner runner = new TaskRunner(data, TaskOptions.DEFAULT.withLimit(60), Progress.SILENT);
    for (String task : List.of("arc_easy", "winogrande", "sst2")) {
      TaskResult result = runner.run(TaskCatalog.find(task), model, tokenizer);
      double chance = task.equals("arc_easy") ? 0.25 : 0.5;
      assertThat(result.items() + result.errors()).isEqualTo(60);
      assertThat(result.score("acc").value()).as(task).isCloseTo(chance, within(0.2));
    }
    TaskResult once = runner.run(TaskCatalog.find("copa"), model, tokenizer);
    assertThat(runner.run(TaskCatalog.find("copa"), model, tokenizer)).isEqualTo(once);
  }
}
