package dev.nibble.compress.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.nibble.core.NibbleException;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.progress.Progress;
import dev.nibble.io.model.OpenedModel;
import dev.nibble.models.DecoderModel;
import dev.nibble.models.ResidentModel;
import dev.nibble.models.TorchLanguageModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainerTest {
  private static final String[] WHO = {"The cat", "A small dog", "My friend", "The old king"};
  private static final String[] DOES = {"sees", "likes", "paints", "looks for"};
  private static final String[] WHAT = {"a red ball", "the moon", "some bread", "a green house"};

  @TempDir Path dir;

  @BeforeEach
  void writeText() throws IOException {
    SplittableRandom random = new SplittableRandom(3);
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < 200; i++) {
      for (int j = 0; j < 6; j++) {
        text.append(WHO[random.nextInt(4)]).append(' ');
        text.append(DOES[random.nextInt(4)]).append(' ');
        text.append(WHAT[random.nextInt(4)]).append(". ");
      }
      text.append("\n\n");
    }
    Files.writeString(dir.resolve("text.txt"), text);
  }

  private TrainRecipe recipe(String schedule) {
    return TrainRecipe.parse(
        """
        train:
          name: grammar
          seed: 5
          sources:
            - { name: grammar, path: '%s', held_out: 0.05, chat: 0.2, licence: none needed }
          tokenizer: { vocab: 300 }
          model: { hidden: 32, layers: 2, heads: 4, kv_heads: 2, ffn: 64, context: 64 }
          schedule:
            { batch: 8, micro_batch: 2, length: 48, learning_rate: 0.01, warm_up: 5, %s }
        """
            .formatted(dir.resolve("text.txt"), schedule),
        "test.yaml");
  }

  private TrainRecipe experts(String schedule) {
    return TrainRecipe.parse(
        """
        train:
          name: experts
          seed: 5
          sources:
            - { name: grammar, path: '%s', held_out: 0.05, licence: none needed }
          tokenizer: { vocab: 300 }
          model: { hidden: 32, layers: 2, heads: 4, kv_heads: 2, ffn: 24, context: 64, experts: 6, top_k: 2 }
          schedule:
            { batch: 4, micro_batch: 1, length: 12, learning_rate: 0.01, warm_up: 5, %s }
        """
            .formatted(dir.resolve("text.txt"), schedule),
        "test.yaml");
  }

  private static Trainer.Options threads(int threads) {
    return Trainer.Options.threads(threads);
  }

  private Map<String, String> files(Path model) throws IOException {
    Map<String, String> out = new HashMap<>();
    for (String name :
        new String[] {"model.safetensors", "training.json", "tokenizer.json", "README.md"}) {
      byte[] bytes = Files.readAllBytes(model.resolve(name));
      out.put(name, bytes.length + ":" + java.util.Arrays.hashCode(bytes));
    }
    return out;
  }

  /** Nats a token of the best model that ignores context. */
  private double unigramEntropy(TrainRecipe recipe) {
    TokenCorpus corpus = TokenCorpus.build(recipe, TrainingText.read(recipe, Map.of()));
    Map<Integer, Integer> counts = new HashMap<>();
    TokenStream stream = corpus.streams().getFirst();
    int total = 0;
    for (int i = 0; i < stream.windowsPerPass(); i++) {
      for (int token : stream.window(i)) {
        counts.merge(token, 1, Integer::sum);
        total++;
      }
    }
    double entropy = 0;
    for (int count : counts.values()) {
      entropy -= (double) count / total * Math.log((double) count / total);
    }
    return entropy;
  }

  @Test
  void lossFallsFarBelowTheUnigramEntropy() {
    TrainRecipe recipe = recipe("steps: 80, evaluate_every: 40, checkpoint_every: 40");
    Trainer.Result result = Trainer.train(recipe, dir.resolve("out"), threads(2), Progress.SILENT);
    double unigram = unigramEntropy(recipe);
    double first = result.curve().steps().getFirst().loss();
    double last = result.curve().steps().getLast().loss();
    assertThat(first).isGreaterThan(unigram);
    assertThat(last).isLessThan(0.5 * unigram);
    assertThat(result.curve().evaluations()).hasSize(3);
    assertThat(result.curve().evaluations().getLast().lossPerToken().get("grammar"))
        .isLessThan(0.5 * unigram);
    assertThat(result.finished()).isTrue();
  }

  /** Also micro-batches so small that experts go without a token. */
  @Test
  void expertsAreTrainedAndWrittenAsMixtral() {
    TrainRecipe recipe = experts("steps: 60, evaluate_every: 30, checkpoint_every: 30");
    Path out = dir.resolve("experts");
    Trainer.Result result = Trainer.train(recipe, out, threads(2), Progress.SILENT);
    assertThat(result.curve().steps().getLast().loss()).isLessThan(unigramEntropy(recipe));
    try (OpenedModel model = OpenedModel.open(out)) {
      ModelConfig config = model.weights().config();
      assertThat(config.family()).isEqualTo("mixtral");
      assertThat(config.moe().experts()).isEqualTo(6);
      assertThat(config.moe().topK()).isEqualTo(2);
      assertThat(model.weights().names()).contains("model.layers.1.mlp.experts.5.down_proj.weight");
    }
  }

  @Test
  void resumedRunEqualsOneThatNeverStopped() throws IOException {
    String schedule = "steps: 30, dropout: 0.1, evaluate_every: 10, checkpoint_every: 4";
    TrainRecipe recipe = recipe(schedule);
    Path whole = dir.resolve("whole");
    Path stopped = dir.resolve("stopped");
    Trainer.train(recipe, whole, threads(1), Progress.SILENT);
    for (int stop : new int[] {7, 19}) {
      Trainer.Result part =
          Trainer.train(recipe, stopped, new Trainer.Options(1, Map.of(), stop), Progress.SILENT);
      assertThat(part.finished()).isFalse();
      assertThat(stopped.resolve("model.safetensors")).doesNotExist();
    }
    Trainer.train(recipe, stopped, threads(1), Progress.SILENT);
    assertThat(files(stopped)).isEqualTo(files(whole));
  }

  @Test
  void threadsChangeNothing() throws IOException {
    for (String precision : new String[] {"fp32", "bf16"}) {
      TrainRecipe recipe =
          recipe("steps: 12, evaluate_every: 6, dropout: 0.1, precision: " + precision);
      Path one = dir.resolve(precision + "1");
      Path three = dir.resolve(precision + "3");
      Trainer.train(recipe, one, threads(1), Progress.SILENT);
      Trainer.train(recipe, three, threads(3), Progress.SILENT);
      assertThat(files(three)).isEqualTo(files(one));
    }
  }

  @Test
  void refusesTheCheckpointOfAnotherRecipeOrText() throws IOException {
    Path out = dir.resolve("out");
    Trainer.Options some = new Trainer.Options(1, Map.of(), 3);
    Trainer.train(recipe("steps: 9"), out, some, Progress.SILENT);
    assertThatThrownBy(() -> Trainer.train(recipe("steps: 8"), out, some, Progress.SILENT))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("another training recipe")
        .hasMessageContaining("steps=9")
        .hasMessageContaining("steps=8");
    Files.writeString(
        dir.resolve("text.txt"),
        "\n\n" + "Something new here. ".repeat(20),
        java.nio.file.StandardOpenOption.APPEND);
    assertThatThrownBy(() -> Trainer.train(recipe("steps: 9"), out, some, Progress.SILENT))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("another training text");
  }

  @Test
  void refusesADamagedCheckpoint() throws IOException {
    Path out = dir.resolve("out");
    Trainer.Options some = new Trainer.Options(1, Map.of(), 2);
    Trainer.train(recipe("steps: 9"), out, some, Progress.SILENT);
    Path latest = out.resolve("checkpoint/latest.safetensors");
    byte[] bytes = Files.readAllBytes(latest);
    Files.write(latest, java.util.Arrays.copyOf(bytes, bytes.length / 2));
    assertThatThrownBy(() -> Trainer.train(recipe("steps: 9"), out, some, Progress.SILENT))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("latest.safetensors");
  }

  @Test
  void writesADirectoryThatOpensAsAModel() throws IOException {
    Path out = dir.resolve("out");
    Trainer.Result result =
        Trainer.train(recipe("steps: 6, evaluate_every: 3"), out, threads(2), Progress.SILENT);
    try (OpenedModel opened = OpenedModel.open(out);
        ResidentModel model = DecoderModel.open(opened.weights()).loadAll();
        TorchLanguageModel language = new TorchLanguageModel(model)) {
      assertThat(opened.weights().config().family()).isEqualTo("llama");
      assertThat(language.vocabSize()).isEqualTo(300);
      int[] tokens = opened.tokenizer().encode("The cat sees", true);
      assertThat(tokens[0]).isZero();
      int[] rows = new int[1];
      language.logits(tokens, 0, (position, row, offset) -> rows[0]++);
      assertThat(rows[0]).isEqualTo(tokens.length);
      assertThat(opened.chatTemplate()).isPresent();
    }
    JsonNode training = new ObjectMapper().readTree(out.resolve("training.json").toFile());
    assertThat(training.get("steps")).hasSize(6);
    assertThat(training.get("evaluations")).hasSize(3);
    assertThat(Files.readString(out.resolve("README.md")))
        .contains("grammar")
        .contains("none needed")
        .contains("%,d parameters".formatted(result.parameters()));
  }
}
