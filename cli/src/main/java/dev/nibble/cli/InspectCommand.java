package dev.nibble.cli;

import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.MoeConfig;
import dev.nibble.eval.report.Figures;
import dev.nibble.eval.report.TextTable;
import dev.nibble.eval.report.Unit;
import dev.nibble.pipeline.inspect.Distribution;
import dev.nibble.pipeline.inspect.Inspection;
import dev.nibble.pipeline.inspect.InspectionReport;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Locale;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code nibble inspect}: what a model holds. */
@Command(
    name = "inspect",
    mixinStandardHelpOptions = true,
    description = "Shows a model's architecture, tensors, stored types and value distributions.",
    footerHeading = "%nExamples:%n",
    footer = {
      "  nibble inspect MODEL",
      "  nibble inspect model.gguf --tensors",
      "  nibble inspect MODEL --values -o weights.html    histograms of every kind of weight",
    })
final class InspectCommand implements Runnable {
  @Spec private CommandSpec spec;

  @Parameters(index = "0", paramLabel = "MODEL", description = ModelArgument.HELP)
  private String model;

  @Mixin private HubOptions hub;

  @Option(names = "--tensors", description = "List every tensor.")
  private boolean tensors;

  @Option(
      names = "--values",
      description = "Read all values: extremes, deviation, kurtosis, histogram. Lists tensors.")
  private boolean values;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FILE",
      description = "Page to write with the histograms; reads all values.")
  private Path output;

  @Override
  public void run() {
    boolean read = values || output != null;
    Inspection found =
        Inspection.of(ModelArgument.resolve(model, hub), read, ConsoleProgress.standard());
    PrintWriter out = spec.commandLine().getOut();
    out.print(summary(found).toText());
    out.println();
    out.print(types(found).toText());
    if (tensors || values) {
      out.println();
      out.print((read ? distributions(found) : list(found)).toText());
    }
    if (output != null) {
      InspectionReport.write(output, model, "Nibble " + Version.number(), found);
      out.println();
      out.println("Report    " + output);
    }
    out.flush();
  }

  private static TextTable summary(Inspection found) {
    ModelConfig c = found.config();
    TextTable table = new TextTable("", "").left(1);
    table.row("Format", found.kind().name().toLowerCase(Locale.ROOT).replace('_', ' '));
    table.row("Family", c.family());
    table.row("Layers", Integer.toString(c.layers()));
    table.row("Width", c.hiddenSize() + ", feed-forward " + c.ffnSize());
    if (c.moe().present()) {
      table.row("Experts", experts(c.moe()));
    }
    table.row("Heads", c.heads() + ", key/value " + c.kvHeads() + ", of " + c.headDim());
    table.row("Vocabulary", c.vocabSize() + (c.tiedHead() ? ", tied head" : ""));
    table.row("Context", c.maxPositions() + " tokens");
    table.row("Weights", Figures.text((double) found.elements(), Unit.COUNT));
    table.row("Bytes", Figures.text((double) found.bytes(), Unit.BYTES));
    table.row("Read a token", Figures.text((double) found.activeBytes(), Unit.BYTES));
    table.row("Bits per weight", Figures.text(8.0 * found.bytes() / found.elements(), Unit.BITS));
    if (found.operators() > 0) {
      table.row("Run-time operators", "at " + found.operators() + " sites");
    }
    return table;
  }

  private static String experts(MoeConfig moe) {
    String text = moe.topK() + " of " + moe.experts() + ", feed-forward " + moe.expertSize();
    if (moe.sharedSize() > 0) {
      text += ", shared expert " + moe.sharedSize();
    }
    return moe.denseLayers().isEmpty()
        ? text
        : text + "; none in layers " + moe.denseLayers().toString().replaceAll("[\\[\\]]", "");
  }

  private static TextTable types(Inspection found) {
    TextTable table = new TextTable("stored type", "tensors", "weights", "bytes");
    found
        .byType()
        .forEach(
            (type, sums) ->
                table.row(
                    type,
                    Long.toString(sums[0]),
                    Figures.text((double) sums[1], Unit.COUNT),
                    Figures.text((double) sums[2], Unit.BYTES)));
    return table;
  }

  private static TextTable list(Inspection found) {
    TextTable table = new TextTable("tensor", "shape", "type", "bytes").left(2);
    for (Inspection.Entry e : found.tensors()) {
      table.row(e.name(), shape(e), e.type(), Long.toString(e.bytes()));
    }
    return table;
  }

  private static TextTable distributions(Inspection found) {
    TextTable table =
        new TextTable(
                "tensor", "shape", "type", "deviation", "largest", "kurtosis", "±4 deviations")
            .left(2)
            .left(6);
    for (Inspection.Entry e : found.tensors()) {
      Distribution d = e.distribution().orElseThrow();
      String note = d.nonFinite() > 0 ? "  " + d.nonFinite() + " not finite!" : "";
      table.row(
          e.name(),
          shape(e),
          e.type(),
          Figures.text(d.deviation(), Unit.NUMBER),
          Figures.text(Math.max(-d.min(), d.max()), Unit.NUMBER),
          Figures.text(d.kurtosis(), Unit.NUMBER),
          d.sparkline() + note);
    }
    return table;
  }

  private static String shape(Inspection.Entry e) {
    return e.shape().stream().map(String::valueOf).collect(Collectors.joining("×"));
  }
}
