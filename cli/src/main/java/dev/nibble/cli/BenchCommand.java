package dev.nibble.cli;

import dev.nibble.runtime.measure.SpeedMeasurement;
import dev.nibble.runtime.measure.SpeedOptions;
import dev.nibble.runtime.measure.Speeds;
import java.io.PrintWriter;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code nibble bench}: how fast a model runs here. */
@Command(
    name = "bench",
    mixinStandardHelpOptions = true,
    description = "Measures how fast a model reads and writes on this machine.",
    footerHeading = "%nExamples:%n",
    footer = {
      "  nibble bench OUT",
      "  nibble bench model.gguf --threads 1 --prompt 128 --sessions 1 --rounds 9",
      "  nibble bench OUT --sessions 1,8,64 --json > speeds.json",
      "",
      "Figures are medians over rounds in which every measurement has its turn. Several sessions",
      "share each pass over the weights. A share of bandwidth above 100 %% means that the model",
      "stays in the processor's caches.",
    })
final class BenchCommand implements Runnable {
  @Spec private CommandSpec spec;

  @Parameters(index = "0", paramLabel = "MODEL", description = ModelArgument.HELP)
  private String model;

  @Mixin private HubOptions hub;

  @Option(
      names = "--prompt",
      paramLabel = "N",
      split = ",",
      description =
          "Lengths of prompts to read; sessions write behind one of the first length"
              + " (default: 128,512).")
  private List<Integer> prompts = List.of();

  @Option(
      names = {"-n", "--tokens"},
      paramLabel = "N",
      description = "Tokens that each session writes (default: ${DEFAULT-VALUE}).")
  private int tokens = SpeedOptions.DEFAULT.tokens();

  @Option(
      names = "--sessions",
      paramLabel = "N",
      split = ",",
      description = "Numbers of sessions that write at once (default: 1,4,16).")
  private List<Integer> sessions = SpeedOptions.DEFAULT.sessions();

  @Option(
      names = "--rounds",
      paramLabel = "N",
      description = "Measured rounds after an unmeasured one (default: ${DEFAULT-VALUE}).")
  private int rounds = SpeedOptions.DEFAULT.rounds();

  @Mixin private RuntimeArguments arguments;

  @Option(names = "--json", description = "Print all samples as JSON instead of tables.")
  private boolean json;

  @Override
  public void run() {
    SpeedOptions options = new SpeedOptions(prompts, tokens, sessions, rounds);
    Speeds speeds =
        SpeedMeasurement.run(
            ModelArgument.resolve(model, hub),
            arguments.options(),
            options,
            ConsoleProgress.standard());
    PrintWriter out = spec.commandLine().getOut();
    SpeedReport report = new SpeedReport(model, speeds);
    out.print(json ? report.toJson() : report.toText());
    out.flush();
  }
}
