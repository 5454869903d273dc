package dev.nibble.cli;

import dev.nibble.compress.recipe.Presets;
import dev.nibble.core.NibbleException;
import dev.nibble.eval.report.Section;
import dev.nibble.eval.report.Tables;
import dev.nibble.eval.report.TextTable;
import dev.nibble.pipeline.compare.Sweep;
import dev.nibble.pipeline.compare.SweepReport;
import dev.nibble.pipeline.scores.CacheFolder;
import dev.nibble.pipeline.study.Studies;
import dev.nibble.pipeline.study.StudyReport;
import dev.nibble.pipeline.study.StudyRun;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
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
      "  nibble compare tiny --study yardsticks --only gptq,rsq",
    })
final class CompareCommand implements Runnable {
  private static final List<String> USUAL =
      List.of("rtn-w4-g64", "gptq-w4-g64", "awq-w4-g64", "rtn-w3-g64", "gptq-w3-g64", "awq-w3-g64");

  @Spec private CommandSpec spec;

  @Parameters(
      arity = "0..*",
      paramLabel = "MODEL",
      defaultValue = "tiny",
      description = ModelArgument.HELP)
  private List<String> models;

  @Option(
      names = {"-r", "--recipes"},
      split = ",",
      paramLabel = "RECIPE",
      description = "Presets or recipe files (default: RTN, GPTQ and AWQ at 4 and 3 bits).")
  private List<String> recipes = USUAL;

  @Option(
      names = "--study",
      paramLabel = "NAME",
      completionCandidates = StudyNames.class,
      description =
          "A study in place of recipes: ${COMPLETION-CANDIDATES}. Yardsticks checks for each method"
              + " what its paper claims.")
  private String study;

  @Option(
      names = "--only",
      split = ",",
      paramLabel = "METHOD",
      description = "Of the study, only these methods.")
  private List<String> only = List.of();

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

  /** For help and completion. */
  private static final class StudyNames extends ArrayList<String> {
    private static final long serialVersionUID = 1L;

    StudyNames() {
      super(Studies.names());
    }
  }

  @Override
  public void run() {
    if (study != null) {
      study();
    } else {
      recipes();
    }
  }

  private void study() {
    StudyRun run =
        new StudyRun(
            Studies.load(study).only(only),
            paths(),
            folder(),
            comparison.evaluation(),
            data.catalog(hub),
            threads,
            CacheFolder.of(System.getenv(), System.getProperty("user.home")),
            ConsoleProgress.standard());
    StudyReport report = new StudyReport(Resumable.run(run::run));
    report.write(output, "Nibble " + Version.number() + ", " + String.join(", ", models));
    PrintWriter out = spec.commandLine().getOut();
    for (Section.Table grid : report.tables()) {
      TextTable table = Tables.table(grid);
      out.println((markdown ? "## " : "") + grid.heading() + System.lineSeparator());
      out.println(markdown ? table.toMarkdown() : table.toText());
      if (!grid.lead().isEmpty()) {
        out.println(grid.lead() + System.lineSeparator());
      }
    }
    out.println("Report    " + output.resolve("report.html"));
    out.flush();
  }

  private List<Path> paths() {
    return models.stream().map(m -> ModelArgument.resolve(m, hub)).toList();
  }

  private void recipes() {
    Sweep sweep =
        new Sweep(
            paths(),
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
