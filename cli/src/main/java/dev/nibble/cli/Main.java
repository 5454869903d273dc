package dev.nibble.cli;

import java.io.FileNotFoundException;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** Entry point of the {@code nibble} command. */
@Command(
    name = "nibble",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    description = "Makes neural networks small and keeps them accurate.",
    subcommands = {
      QuantizeCommand.class,
      PlanCommand.class,
      EvaluateCommand.class,
      CompareCommand.class,
      RunCommand.class,
      BenchCommand.class,
      EmbedCommand.class,
      InspectCommand.class,
      ExplainCommand.class,
      ExportCommand.class,
      MethodsCommand.class,
      TrainCommand.class,
      DoctorCommand.class,
      CompletionCommand.class
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  nibble quantize tiny                            quantize the bundled model, see what it cost",
      "  nibble quantize MODEL --recipe gptq-w4 -o OUT   a Hugging Face directory, hub id or GGUF file",
      "  nibble run OUT \"Once upon a time\"               talk to the result",
      "  nibble compare MODEL --recipes rtn-w4,gptq-w4   which recipe is worth its bytes",
      "",
      "Exit codes: 0 done, 2 wrong usage or recipe, 3 bad input, 4 machine limits, 130 interrupted.",
    })
public final class Main implements Runnable {
  @Spec private CommandSpec spec;

  /** Runs the command and exits with its code. */
  public static void main(String[] args) {
    restoreErrorStream(System.getProperty("nibble.stderr"));
    System.exit(execute(args));
  }

  /**
   * The launcher filters the JVM's own stderr and keeps the real one open under another descriptor;
   * without it, or where it cannot be opened, stderr stays as it is.
   */
  private static void restoreErrorStream(String file) {
    if (file != null) {
      try {
        System.setErr(
            new PrintStream(new FileOutputStream(file, true), true, StandardCharsets.UTF_8));
      } catch (FileNotFoundException e) {
        System.getLogger("dev.nibble.cli")
            .log(System.Logger.Level.DEBUG, "stderr stays filtered", e);
      }
    }
  }

  /** Runs the command in this process. */
  static int execute(String... args) {
    PrintWriter out = new PrintWriter(System.out, true, StandardCharsets.UTF_8);
    PrintWriter err = new PrintWriter(System.err, true, StandardCharsets.UTF_8);
    ErrorReporter errors = new ErrorReporter(err);
    return new CommandLine(new Main())
        .setOut(out)
        .setErr(err)
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setUsageHelpAutoWidth(true)
        .setUsageHelpLongOptionsMaxWidth(34)
        .setParameterExceptionHandler(errors)
        .setExecutionExceptionHandler(errors)
        .execute(args);
  }

  /** Without a verb: the help. */
  @Override
  public void run() {
    spec.commandLine().usage(spec.commandLine().getOut());
  }
}
