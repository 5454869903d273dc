package dev.nibble.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.nibble.core.testing.SharedData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

class CommandTest {
  private static final String LLAMA =
      SharedData.repositoryRoot().resolve("models/src/test/resources/families/llama").toString();

  private static final String TINY =
      SharedData.repositoryRoot().resolve("models/tiny-lm").toString();

  @TempDir private Path dir;

  @Test
  void helpListsEveryVerbWithALine() {
    CommandRun run = CommandRun.of("--help");
    assertThat(run.code()).isZero();
    for (String verb : new CommandLine(new Main()).getSubcommands().keySet()) {
      assertThat(run.out()).containsPattern("(?m)^  " + verb + " +\\S");
    }
  }

  @Test
  void everyVerbHasExamples() {
    for (String verb : new CommandLine(new Main()).getSubcommands().keySet()) {
      assertThat(CommandRun.of(verb, "--help").out())
          .as(verb)
          .containsAnyOf("nibble " + verb, "bounds what");
    }
  }

  @Test
  void encodersGiveVectorsAndNoText() {
    String bert =
        SharedData.repositoryRoot().resolve("models/src/test/resources/encoders/bert").toString();
    CommandRun text = CommandRun.of("run", bert, "a text");
    assertThat(text.code()).isEqualTo(3);
    assertThat(text.err()).contains("use embed");
    CommandRun alone = CommandRun.of("evaluate", bert);
    assertThat(alone.code()).isEqualTo(2);
    assertThat(alone.err()).contains("--base");
  }

  @Test
  void embedPrintsAVectorForEachText() {
    String model = SharedData.path("models/all-minilm-l6-v2-fp16").toString();
    CommandRun run = CommandRun.of("embed", model, "a cat sat down", "the kitten rests");
    assertThat(run.code()).isZero();
    assertThat(run.out().strip().lines()).hasSize(2).allMatch(l -> l.split(",").length == 384);
    CommandRun table =
        CommandRun.of("embed", model, "a cat sat down", "the kitten rests", "--similarity");
    assertThat(table.out()).contains("1.0000").contains("0.65");
  }

  @Test
  void decodersGiveVectorsToo() {
    String tiny = SharedData.repositoryRoot().resolve("models/tiny-lm").toString();
    CommandRun last = CommandRun.of("embed", tiny, "a cat sat down");
    assertThat(last.code()).isZero();
    assertThat(last.out().strip().split(",")).hasSize(256);
    CommandRun mean = CommandRun.of("embed", tiny, "a cat sat down", "--pooling", "mean");
    assertThat(mean.out()).isNotEqualTo(last.out());
    CommandRun same = CommandRun.of("embed", tiny, "a cat sat down", "--pooling", "last");
    assertThat(same.out()).isEqualTo(last.out());
  }

  @Test
  void benchPrintsTablesOrJson() throws IOException {
    String[] few = {"--prompt", "4,8", "--tokens", "2", "--sessions", "1,3", "--rounds", "1"};
    CommandRun table =
        CommandRun.of(
            Stream.concat(Stream.of("bench", LLAMA), Stream.of(few)).toArray(String[]::new));
    assertThat(table.code()).isZero();
    assertThat(table.out()).contains("First token", "8 tokens", "3 × 2 tokens", "of bandwidth");
    CommandRun text =
        CommandRun.of(
            Stream.concat(Stream.of("bench", LLAMA, "--json"), Stream.of(few))
                .toArray(String[]::new));
    JsonNode json = new ObjectMapper().readTree(text.out());
    assertThat(json.at("/decode/1/sessions").asInt()).isEqualTo(3);
    assertThat(json.at("/decode/1/tokens_per_second/all")).hasSize(1);
    assertThat(json.at("/prefill/0/tokens_per_second/median").asDouble()).isPositive();
    assertThat(CommandRun.of("bench", LLAMA, "--rounds", "0").err()).contains("--rounds");
  }

  @Test
  void wrongUsageNamesTheWordAndTheHelp() {
    CommandRun run = CommandRun.of("quantize", LLAMA, "--recipie", "x");
    assertThat(run.code()).isEqualTo(2);
    assertThat(run.err()).contains("--recipie");
    assertThat(CommandRun.of("frobnicate").code()).isEqualTo(2);
  }

  @Test
  void runTakesACacheForKeysAndValuesApart() {
    CommandRun wrong = CommandRun.of("run", LLAMA, "a", "--cache", "k=q8");
    assertThat(wrong.code()).isEqualTo(2);
    assertThat(wrong.err().strip().lines()).hasSize(1);
    assertThat(wrong.err()).contains("--cache").contains("k=q8,v=q4").contains("'k=q8'");
    for (String cache : new String[] {"fp32", "q4", "k=q8,v=q4"}) {
      CommandRun run = CommandRun.of("run", TINY, "A text", "-n", "3", "--cache", cache);
      assertThat(run.code()).as(run.err()).isZero();
    }
  }

  @Test
  void unknownRecipeSuggestsNearOnes() {
    CommandRun run = CommandRun.of("plan", LLAMA, "--recipe", "gptq-w44");
    assertThat(run.code()).isEqualTo(2);
    assertThat(run.err()).contains("gptq-w4").doesNotContain("\tat ");
  }

  @ParameterizedTest
  @ValueSource(strings = {"quantize", "plan", "evaluate", "inspect", "run"})
  void missingModelIsOneSentence(String verb) {
    CommandRun run = CommandRun.of(verb, "no/such/model");
    assertThat(run.code()).isEqualTo(3);
    assertThat(run.err().lines()).hasSize(1);
    assertThat(run.err()).contains("no/such/model");
  }

  @Test
  void damagedModelIsOneSentence() throws IOException {
    Path model = copyOf(Path.of(LLAMA));
    Path weights = model.resolve("model.safetensors");
    byte[] whole = Files.readAllBytes(weights);
    Files.write(weights, java.util.Arrays.copyOf(whole, whole.length / 2));
    CommandRun run = CommandRun.of("inspect", model.toString());
    assertThat(run.code()).isEqualTo(3);
    assertThat(run.err().lines()).hasSize(1);
    assertThat(run.err()).contains("model.safetensors");
  }

  @Test
  void quantizesExplainsAndInspects() {
    String out = dir.resolve("out").toString();
    CommandRun made =
        CommandRun.of("quantize", LLAMA, "-r", "rtn-w4-g32", "-o", out, "--no-evaluate");
    assertThat(made.err()).isEmpty();
    assertThat(made.code()).isZero();
    assertThat(made.out()).contains("Bits per weight", "report.html", "nibble run");
    assertThat(Path.of(out, "report.html")).isRegularFile();
    assertThat(CommandRun.of("explain", out, "--sites").out())
        .contains("int4:g32", "mlp.down_proj", "dB", "sha256");
    assertThat(CommandRun.of("inspect", out, "--values").out()).contains("int4:g32:asym", "▁");
  }

  @Test
  void exportsExactlyOrSaysWhatDoesNotFit() {
    String artefact = dir.resolve("out").toString();
    CommandRun.of("quantize", LLAMA, "-r", "rtn-w4-g32", "-o", artefact, "--no-evaluate");
    String target = dir.resolve("exported").toString();
    CommandRun made = CommandRun.of("export", artefact, "-f", "compressed-tensors", "-o", target);
    assertThat(made.code()).as(made.err()).isNotZero();
    assertThat(made.err()).contains("down_proj", "groups must divide the 48 columns");
    made = CommandRun.of("export", artefact, "-f", "safetensors", "-o", target);
    assertThat(made.code()).as(made.err()).isZero();
    assertThat(CommandRun.of("inspect", target).code()).isZero();
  }

  @Test
  void secondRunToAFinishedOutputSaysSo() {
    String out = dir.resolve("out").toString();
    String[] args = {"quantize", LLAMA, "-r", "rtn-w4-g32", "-o", out, "--no-evaluate"};
    assertThat(CommandRun.of(args).code()).isZero();
    CommandRun again = CommandRun.of(args);
    assertThat(again.code()).isZero();
    assertThat(again.err()).contains("finished already");
    args[3] = "rtn-w3-g32";
    CommandRun other = CommandRun.of(args);
    assertThat(other.code()).isNotZero();
    assertThat(other.err().lines()).hasSize(1);
  }

  @Test
  void planIsExactAboutTheFile() throws IOException {
    String out = dir.resolve("out").toString();
    String plan = CommandRun.of("plan", LLAMA, "-r", "rtn-w4-g32", "--tensors").out();
    CommandRun.of("quantize", LLAMA, "-r", "rtn-w4-g32", "-o", out, "--no-evaluate");
    long bytes = Files.size(Path.of(out, "model.safetensors"));
    assertThat(plan).contains("exactly");
    assertThat(plan).contains(dev.nibble.io.file.ByteCount.text(bytes));
  }

  @Test
  void methodsPrintStepsPresetsAndYaml() {
    assertThat(CommandRun.of("methods").out()).contains("solve", "gptq", "transform", "awq");
    assertThat(CommandRun.of("methods", "--recipes").out()).contains("gptq-w4-g64", "quarot-w4a4");
    assertThat(CommandRun.of("methods", "gptq-w4").out()).contains("steps:", "int4:g128");
  }

  private Path copyOf(Path model) throws IOException {
    Path copy = Files.createDirectory(dir.resolve("copy"));
    try (Stream<Path> files = Files.list(model)) {
      for (Path file : files.toList()) {
        Files.copy(file, copy.resolve(file.getFileName()));
      }
    }
    return copy;
  }
}
