package dev.nibble.cli;

import dev.nibble.compress.allocate.AllocationReport;
import dev.nibble.eval.report.Figures;
import dev.nibble.eval.report.TextTable;
import dev.nibble.eval.report.Unit;
import dev.nibble.io.file.ByteCount;
import dev.nibble.pipeline.plan.Plan;
import java.io.PrintWriter;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code nibble plan}: what a quantization would store and need. */
@Command(
    name = "plan",
    mixinStandardHelpOptions = true,
    description = "Checks a recipe against a model and says what it will store, need and take.",
    footerHeading = "%nExamples:%n",
    footer = {
      "  nibble plan MODEL --recipe gptq-w4",
      "  nibble plan MODEL --bits 2.8",
      "  nibble plan MODEL -r awq-w3 --memory 6g --tensors",
    })
final class PlanCommand implements Runnable {
  @Spec private CommandSpec spec;

  @Mixin private RecipeOptions options;

  @Option(names = "--tensors", description = "List every tensor.")
  private boolean tensors;

  @Override
  public void run() {
    Plan plan = options.request(ConsoleProgress.standard()).plan();
    PrintWriter out = spec.commandLine().getOut();
    out.println(options.model() + " · " + options.shortName());
    out.println();
    TextTable table = new TextTable("", "").left(1);
    table.row("Weights", Figures.text((double) plan.elements(), Unit.COUNT));
    table.row("Stored now", ByteCount.text(plan.sourceBytes()));
    table.row(
        "Will be", ByteCount.text(plan.fileBytes()) + (plan.exact() ? ", exactly" : ", about"));
    table.row("Bits per weight", Figures.text(plan.bitsPerWeight(), Unit.BITS));
    table.row("Peak memory", ByteCount.text(plan.forecast().memoryBytes()));
    table.row("Scratch disk", ByteCount.text(plan.forecast().scratchBytes()));
    if (plan.forecast().seconds() > 0) {
      table.row("Time", Figures.text(plan.forecast().seconds(), Unit.SECONDS));
    }
    table.row("Threads", Integer.toString(plan.forecast().threads()));
    out.print(table.toText());
    out.println();
    TextTable types = new TextTable("stored type", "bytes");
    plan.bytesByType().forEach((type, bytes) -> types.row(type, ByteCount.text(bytes)));
    out.print(types.toText());
    for (AllocationReport report : plan.allocations()) {
      out.println();
      AllocationTable.print(out, report);
    }
    if (tensors) {
      out.println();
      TextTable all = new TextTable("tensor", "type", "bytes").left(1);
      plan.tensors().forEach(t -> all.row(t.name(), t.type(), Long.toString(t.bytes())));
      out.print(all.toText());
    }
    plan.notes().forEach(note -> out.println("Note: " + note));
    out.flush();
  }
}
