package dev.nibble.eval.tasks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.core.ModelFormatException;
import dev.nibble.core.NibbleException;
import dev.nibble.core.progress.Progress;
import dev.nibble.core.testing.SharedData;
import dev.nibble.eval.FakeModel;
import dev.nibble.io.data.DataCatalog;
import dev.nibble.io.data.Records;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TaskTest {
  private static final CharacterTokenizer TOKENIZER = new CharacterTokenizer();

  @TempDir Path dir;

  private static DataCatalog shared() {
    return new DataCatalog(null, SharedData.path("datasets"));
  }

  private static List<TaskItems.Item> items(String task, TaskOptions options) {
    return new TaskItems(TaskCatalog.find(task), options).read(shared());
  }

  private static TaskItems.Item first(String task) {
    return items(task, TaskOptions.DEFAULT.withLimit(1)).getFirst();
  }

  private TaskResult run(String task, FakeModel model, TaskOptions options, DataCatalog data) {
    return new TaskRunner(data, options, Progress.SILENT)
        .run(TaskCatalog.find(task), model, TOKENIZER);
  }

  @Test
  void promptsAreTheHarnesss() {
    assertThat(first("piqa").context(0))
        .isEqualTo("Question: How do I ready a guinea pig cage for it's new occupants?\nAnswer:");
    assertThat(first("arc_easy").context(0)).endsWith("most food webs?\nAnswer:");
    assertThat(first("arc_easy").requests().getFirst().continuation())
        .isEqualTo(" Sunlight is the source of energy for nearly all ecosystems.");
    assertThat(first("copa").context(0)).isEqualTo("The man turned on the faucet therefore");
    assertThat(first("copa").requests().get(1).continuation())
        .isEqualTo(" water flowed from the spout.");
    assertThat(first("boolq").context(0))
        .startsWith("All biomass goes")
        .endsWith("\nQuestion: does ethanol take more energy make that produces?\nAnswer:");
    assertThat(first("winogrande").requests())
        .containsExactly(
            new Request(
                "Sarah was a much better surgeon than Maria so Sarah",
                " always got the easier cases."),
            new Request(
                "Sarah was a much better surgeon than Maria so Maria",
                " always got the easier cases."));
    assertThat(first("lambada_openai").requests().getFirst().continuation()).isEqualTo(" signs");
    assertThat(first("sst2").context(0))
        .isEqualTo(
            "it 's a charming and often affecting journey . \n"
                + "Question: Is this sentence positive or negative?\nAnswer:");
    assertThat(first("truthfulqa_mc1").context(0))
        .startsWith("Q: What is human life expectancy in the United States?\nA: Human life")
        .endsWith("in Barcelona, Spain.\n\nQ: What happens if you eat a pomegranate?\nA:");
    assertThat(first("hellaswag_subset").context(0))
        .startsWith("How to choose an unconventional engagement ring. Determine the colors they")
        .doesNotContain("[", "  ");
  }

  @Test
  void mmluHasItsHeaderAndFiveExamples() {
    TaskItems.Item item = first("mmlu");
    assertThat(item.context(0))
        .startsWith(
            """
            The following are multiple choice questions (with answers) about abstract algebra.

            Find all c in Z_3 such that Z_3[x]/(x^2 + c) is a field.
            A. 0
            B. 1
            C. 2
            D. 3
            Answer: B

            Statement 1 |\
            """)
        .endsWith("\nD. G is of finite order\nAnswer:");
    assertThat(item.context(0).split("Answer:", -1)).hasSize(7);
    assertThat(item.requests().stream().map(Request::continuation))
        .containsExactly(" A", " B", " C", " D");
    assertThat(items("mmlu", TaskOptions.DEFAULT.withLimit(2))).hasSize(2 * 57);
    assertThat(
            items("mmlu", TaskOptions.DEFAULT).stream()
                .map(i -> MmluSubjects.category(i.prompt().group())))
        .hasSize(2280)
        .doesNotContain("");
  }

  @Test
  void randomExamplesAreTheHarnesss() {
    List<TaskItems.Item> items = items("gsm8k", TaskOptions.DEFAULT.withLimit(2));
    // random.Random(1234).sample(range(7473), 5), then again, in file order of the training set
    assertThat(shotQuestions(items.get(0))).isEqualTo(trainQuestions(6374, 3610, 957, 61, 742));
    assertThat(shotQuestions(items.get(1))).isEqualTo(trainQuestions(7462, 6610, 4769, 286, 5501));
    assertThat(items.get(0).context(0)).endsWith("\nAnswer:");
  }

  private static List<String> shotQuestions(TaskItems.Item item) {
    return Arrays.stream(item.preamble().split("Question: ", -1))
        .skip(1)
        .map(q -> q.substring(0, q.indexOf("\nAnswer:")))
        .toList();
  }

  private static List<String> trainQuestions(int... rows) {
    List<String> all =
        Records.readAll(SharedData.path("datasets/gsm8k/train.jsonl.gz"), "", 0).stream()
            .map(r -> r.get("question").textValue())
            .toList();
    return Arrays.stream(rows).mapToObj(all::get).toList();
  }

  @Test
  void allTasksHaveTheItemsTheDataSetDescribes() {
    assertThat(items("piqa", TaskOptions.DEFAULT)).hasSize(1838);
    assertThat(items("arc_easy", TaskOptions.DEFAULT)).hasSize(2376);
    assertThat(items("arc_challenge", TaskOptions.DEFAULT)).hasSize(1172);
    assertThat(items("openbookqa", TaskOptions.DEFAULT)).hasSize(500);
    assertThat(items("copa", TaskOptions.DEFAULT)).hasSize(100);
    assertThat(items("boolq", TaskOptions.DEFAULT)).hasSize(3270);
    assertThat(items("winogrande", TaskOptions.DEFAULT)).hasSize(1267);
    assertThat(items("lambada_openai", TaskOptions.DEFAULT)).hasSize(5153);
    assertThat(items("hellaswag_subset", TaskOptions.DEFAULT)).hasSize(1000);
    assertThat(items("truthfulqa_mc2", TaskOptions.DEFAULT)).hasSize(817);
    assertThat(items("sst2", TaskOptions.DEFAULT)).hasSize(872);
    assertThat(items("gsm8k", TaskOptions.DEFAULT)).hasSize(1319);
  }

  @Test
  void uninformedModelScoresAtChance() {
    // the logits say nothing about the text, so the score is that of guessing
    FakeModel model = FakeModel.random(CharacterTokenizer.VOCAB, 128, 9, 0, 0);
    TaskResult result = run("copa", model, TaskOptions.DEFAULT, shared());
    assertThat(result.items()).isEqualTo(100);
    assertThat(result.score("acc").value()).isBetween(0.3, 0.7);
    assertThat(result.score("acc").standardError()).isBetween(0.045, 0.051);
    assertThat(run("copa", model, TaskOptions.DEFAULT, shared())).isEqualTo(result);
    assertThat(result.conditions()).isEqualTo("validation, 0-shot");
  }

  @Test
  void metricsOfChoices() {
    Prompt prompt = Prompt.of("c", List.of("long answer", "é", "yes"), 1);
    List<Likelihood> ll = likelihoods(-11, -1.5, -3.6);
    assertThat(ChoiceScore.chosen(Metric.ACC, prompt, ll)).isEqualTo(1);
    assertThat(ChoiceScore.chosen(Metric.ACC_NORM, prompt, ll)).isEqualTo(0);
    assertThat(ChoiceScore.chosen(Metric.ACC_BYTES, prompt, ll)).isEqualTo(1);
    assertThat(ChoiceScore.chosen(Metric.ACC, prompt, likelihoods(-2, -2, -2))).isZero();
    Prompt truths = new Prompt("", List.of("c"), List.of("a", "b", "c"), List.of(0, 2));
    assertThat(
            ChoiceScore.score(
                Metric.TRUE_MASS,
                truths,
                likelihoods(Math.log(1e-300), Math.log(2e-300), Math.log(5e-300))))
        .isCloseTo(0.75, within(1e-9));
  }

  private static List<Likelihood> likelihoods(double... logProbs) {
    return Arrays.stream(logProbs).mapToObj(p -> new Likelihood(p, false)).toList();
  }

  @Test
  void flipsAndMcNemarCompareItemByItem() {
    TaskResult base = result(outcome(0, true), outcome(1, false), outcome(2, true));
    TaskResult other = result(outcome(0, true), outcome(3, false), outcome(1, false));
    TaskComparison comparison = TaskComparison.of(base, other);
    assertThat(comparison.flips().value()).isCloseTo(2.0 / 3, within(1e-12));
    assertThat(comparison.test().onlyFirst()).isEqualTo(1);
    assertThat(comparison.test().onlySecond()).isZero();
    assertThat(TaskComparison.of(base, base).flips().value()).isZero();
    TaskResult broken =
        result(outcome(0, true), new TaskResult.Outcome("", -1, false, true), outcome(2, true));
    assertThat(TaskComparison.of(base, broken).items()).isEqualTo(2);
    assertThatThrownBy(() -> TaskComparison.of(base, result(outcome(0, true))))
        .isInstanceOf(NibbleException.class);
  }

  private static TaskResult result(TaskResult.Outcome... outcomes) {
    return new TaskResult("t", 1, "c", List.of(), List.of(outcomes));
  }

  private static TaskResult.Outcome outcome(int chosen, boolean right) {
    return new TaskResult.Outcome("", chosen, right, false);
  }

  @Test
  void writtenAnswersAreExtractedAndCompared() {
    String answer = "He sells 48/2 = <<48/2=24>>24.\n#### 1,234";
    assertThat(Gsm8k.matches(Metric.STRICT_MATCH, "so\n#### 1234. And", answer)).isTrue();
    assertThat(Gsm8k.matches(Metric.STRICT_MATCH, "it is 1234", answer)).isFalse();
    assertThat(Gsm8k.matches(Metric.FLEXIBLE_EXTRACT, "first 7, then $1,234.", answer)).isTrue();
    assertThat(Gsm8k.flexible("5 apples, 6 pears")).isEqualTo("6");
    assertThat(Gsm8k.strict("none")).isEqualTo("[invalid]");
    assertThat(Gsm8k.normalize("#### $12,5.")).isEqualTo("125");
    TaskResult result =
        new TaskRunner(shared(), TaskOptions.DEFAULT.withLimit(3), Progress.SILENT)
            .run(TaskCatalog.find("gsm8k"), (prompt, stops, max) -> "Well. #### 18");
    // the first answer of the test set is 18
    assertThat(result.score("strict_match").value()).isCloseTo(1.0 / 3, within(1e-12));
    assertThat(result.conditions()).isEqualTo("test, 5-shot, limited to 3, seed 1234");
  }

  @Test
  void itemsWithBrokenLogitsAreErrorsNotAnswers() throws IOException {
    Files.createDirectories(dir.resolve("zero-shot"));
    Files.writeString(
        dir.resolve("zero-shot/openbook_qa.jsonl.gz"),
        """
        {"query": "N", "choices": ["a", "b"], "gold": 0}
        {"query": "fine", "choices": ["a", "b"], "gold": 0}
        """);
    FakeModel model =
        new FakeModel(
            CharacterTokenizer.VOCAB,
            16,
            (tokens, position, row) -> Arrays.fill(row, tokens[0] == 'N' ? Float.NaN : 0));
    DataCatalog data = new DataCatalog(null, dir);
    TaskResult result = run("openbookqa", model, TaskOptions.DEFAULT, data);
    assertThat(result.errors()).isEqualTo(1);
    assertThat(result.items()).isEqualTo(1);
    assertThat(result.score("acc").value()).isEqualTo(1);
    Files.writeString(
        dir.resolve("zero-shot/openbook_qa.jsonl.gz"),
        "{\"query\": \"N\", \"choices\": [\"a\", \"b\"], \"gold\": 2}");
    assertThatThrownBy(() -> run("openbookqa", model, TaskOptions.DEFAULT, data))
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContaining("row 1");
    Files.writeString(dir.resolve("zero-shot/openbook_qa.jsonl.gz"), "{\"query\": 1}");
    assertThatThrownBy(() -> run("openbookqa", model, TaskOptions.DEFAULT, data))
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContaining("\"query\"");
  }

  @Test
  void unknownTasksAndMissingDataAreExplained() {
    assertThatThrownBy(() -> TaskCatalog.find("arc"))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("arc_easy");
    FakeModel model = FakeModel.uniform(CharacterTokenizer.VOCAB, 16);
    assertThatThrownBy(() -> run("copa", model, TaskOptions.DEFAULT, new DataCatalog(null, null)))
        .hasMessageContaining("--data-dir");
    assertThatThrownBy(() -> run("copa", model, TaskOptions.DEFAULT, new DataCatalog(null, dir)))
        .hasMessageContaining("copa.jsonl.gz");
    assertThatThrownBy(() -> run("gsm8k", model, TaskOptions.DEFAULT, shared()))
        .hasMessageContaining("generates");
  }
}
