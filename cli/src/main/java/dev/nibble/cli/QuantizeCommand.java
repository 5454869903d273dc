package dev.nibble.cli;

import dev.nibble.QuantizationRequest;
import dev.nibble.QuantizationResult;
import dev.nibble.eval.report.Tables;
import java.io.PrintWriter;
import java.nio.file.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code nibble quantize}: the main job. */
@Command(
    name = "quantize",
    mixinStandardHelpOptions = true,
    description =
        "Quantizes a model, measures what it cost, and writes artefact and report. Interrupted, the"
            + " same command continues where it stopped.",
    footerHeading = "%nExamples:%n",
    footer = {
      "  nibble quantize tiny                              the bundled model, the default recipe",
      "  nibble quantize MODEL --recipe gptq-w4 -o OUT     a directory or GGUF file",
      "  nibble quantize owner/name -r gptq-w4             a model of the Hugging Face Hub",
      "  nibble quantize MODEL --size 2.4GiB               the best that fits into that",
      "  nibble quantize MODEL -r my.yaml --memory 6g      your own recipe within 6 GiB",
    })
final class QuantizeCommand implements Runnable {
  @Spec private CommandSpec spec;

  @Mixin private RecipeOptions options;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "DIR",
      description = "Folder to make (default: MODEL-RECIPE here).")
  private Path output;

  @Mixin private ComparisonOptions comparison;

  @Option(names = "--no-evaluate", description = "Skip the comparison with the original.")
  private boolean skip;

  @Option(names = "--restart", description = "Discard unfinished work of an interrupted run.")
  private boolean restart;

  @Override
  public void run() {
    QuantizationRequest request = options.request(ConsoleProgress.standard()).restart(restart);
    if (!skip) {
      request.evaluate(comparison.evaluation());
    }
    QuantizationResult result = Resumable.run(() -> request.to(target()));
    PrintWriter out = spec.commandLine().getOut();
    out.println(options.model() + " · " + options.shortName());
    out.println();
    out.print(Tables.headline(result.headline()).toText());
    out.println();
    out.println("Artefact  " + shown(result.output()));
    out.println("Report    " + shown(result.report()));
    out.println();
    out.println("Try it:   nibble run " + shown(result.output()) + " \"Once upon a time\"");
    out.flush();
  }

  private Path target() {
    if (output != null) {
      return output;
    }
    return Path.of(ModelArgument.shortName(options.model()) + "-" + options.shortName());
  }

  /** Relative to where the user is, when it lies below. */
  private static Path shown(Path path) {
    Path here = Path.of("").toAbsolutePath();
    Path absolute = path.toAbsolutePath().normalize();
    return absolute.startsWith(here) ? here.relativize(absolute) : absolute;
  }
}
