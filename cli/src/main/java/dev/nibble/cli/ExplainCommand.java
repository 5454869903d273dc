package dev.nibble.cli;

import dev.nibble.Nibble;
import dev.nibble.QuantizationResult;
import dev.nibble.compress.allocate.AllocationReport;
import dev.nibble.eval.report.Figures;
import dev.nibble.eval.report.Tables;
import dev.nibble.eval.report.TextTable;
import dev.nibble.eval.report.Unit;
import dev.nibble.pipeline.provenance.Provenance;
import java.io.PrintWriter;
import java.nio.file.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code nibble explain}: how an artefact came to be. */
@Command(
    name = "explain",
    mixinStandardHelpOptions = true,
    description = "Tells how an artefact came to be: recipe, sources, results, events.",
    footer = {"", "Example: nibble explain tiny-gptq-w4 --sites"})
final class ExplainCommand implements Runnable {
  @Spec private CommandSpec spec;

  @Parameters(paramLabel = "ARTEFACT", description = "Folder that nibble quantize made.")
  private Path artefact;

  @Option(names = "--sites", description = "List the error of every site.")
  private boolean sites;

  @Override
  public void run() {
    QuantizationResult result = Nibble.explain(artefact);
    Provenance provenance = result.provenance();
    PrintWriter out = spec.commandLine().getOut();
    out.print(Tables.headline(result.headline()).toText());
    out.println();
    out.println(
        "Made from " + provenance.source() + " by nibble " + provenance.identity().nibble());
    provenance
        .identity()
        .sources()
        .forEach(f -> out.println("  " + f.name() + "  sha256 " + f.sha256()));
    out.println("Fingerprint " + provenance.identity().fingerprint());
    out.println();
    out.print(provenance.identity().recipe().toYaml());
    for (AllocationReport report : provenance.allocations()) {
      out.println();
      AllocationTable.print(out, report);
    }
    if (sites) {
      out.println();
      TextTable table = new TextTable("site", "spec", "error", "round-to-nearest").left(1);
      provenance
          .solved()
          .forEach(
              s ->
                  table.row(
                      s.site(),
                      s.spec(),
                      Figures.text(s.decibels(), Unit.DECIBELS),
                      Figures.text(s.rtnDecibels(), Unit.DECIBELS)));
      out.print(table.toText());
    }
    if (!provenance.events().isEmpty()) {
      out.println();
      provenance.events().forEach(e -> out.println(e.kind() + " " + e.site() + " " + e.what()));
    }
    out.flush();
  }
}
