package dev.nibble.cli;

import dev.nibble.compress.recipe.Presets;
import dev.nibble.core.NibbleException;
import dev.nibble.pipeline.compare.Sweep;
import dev.nibble.pipeline.compare.SweepReport;
import dev.nibble.pipeline.scores.CacheFolder;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code nibble compare}: which recipe is worth its bytes. */
@Command(
    name = "compare",
    mixinStandardHelpOptions = true,
    description =
        "Runs several recipes on a model, measures each beside the original, and draws size against"
            + " quality. Interrupted, the same command continues.",
    footerHeading = "%nExamples:%n",
    footer = {
      "  nibble compare tiny --recipes rtn-w4,gptq-w4,awq-w4",
      "  nibble compare MODEL --recipes gptq-w4-g64,gptq-w3-g64 --evaluate-on wikitext2-test",
    })
final class CompareCommand implements Runnable {
  private static final List<String> USUAL =
      List.of("rtn-w4-g64", "gptq-w4-g64", "awq-w4-g64", "rtn-w3-g64", "gptq-w3-g64", "awq-w3-g64");

  @Spec private CommandSpec spec;

  @Parameters(arity = "1..*", paramLabel = "MODEL", description = ModelArgument.HELP)
  private List<String> models;

  @Option(
      names = {"-r", "--recipes"},
      split = ",",
      paramLabel = "RECIPE",
      description = "Presets or recipe files (default: RTN, GPTQ and AWQ at 4 and 3 bits).")
  private List<String> recipes = USUAL;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "DIR",
      description = "Folder for artefacts and report (default: ${DEFAULT-VALUE}).")
  private Path output = Path.of("comparison");

  @Mixin private ComparisonOptions comparison;

  @Option(names = "--threads", paramLabel = "N", description = "Threads (default: all processors).")
  private int threads = Runtime.getRuntime().availableProcessors();

  @Option(names = "--markdown", description = "Print the table as Markdown.")
  private boolean markdown;

  @Mixin private DataOptions data;

  @Mixin private HubOptions hub;

  @Override
  public void run() {
    Sweep sweep =
        new Sweep(
            models.stream().map(m -> ModelArgument.resolve(m, hub)).toList(),
            recipes.stream().map(Presets::load).toList(),
            folder(),
            comparison.evaluation(),
            data.catalog(hub),
            threads,
            CacheFolder.of(System.getenv(), System.getProperty("user.home")),
            ConsoleProgress.standard());
    List<Sweep.Cell> cells = Resumable.run(sweep::run);
    SweepReport report = new SweepReport(cells);
    Path page = output.resolve("report.html");
    report.write(page, String.join(", ", models), "Nibble " + Version.number());
    PrintWriter out = spec.commandLine().getOut();
    out.print(markdown ? report.table().toMarkdown() : report.table().toText());
    out.println();
    report.conditions().forEach(c -> out.println("Measured: " + c));
    out.println("Report    " + page);
    out.flush();
    List<String> problems =
        cells.stream().filter(c -> !c.problem().isEmpty()).map(Sweep.Cell::problem).toList();
    if (!problems.isEmpty()) {
      throw new NibbleException(
          problems.size() + " of " + cells.size() + " could not be made: " + problems.getFirst());
    }
  }

  private Path folder() {
    try {
      return Files.createDirectories(output);
    } catch (IOException e) {
      throw new NibbleException(
          output + ": the folder cannot be made: " + e.getMessage(), NibbleException.RESOURCES, e);
    }
  }
}
