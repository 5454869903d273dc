package dev.nibble.cli;

import dev.nibble.eval.perplexity.Protocol;
import dev.nibble.eval.report.Report;
import dev.nibble.eval.report.ReportWriter;
import dev.nibble.eval.report.Tables;
import dev.nibble.eval.tasks.TaskOptions;
import dev.nibble.pipeline.evaluate.Evaluation;
import dev.nibble.pipeline.evaluate.EvaluationOptions;
import dev.nibble.pipeline.evaluate.EvaluationResult;
import dev.nibble.runtime.Activations;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code nibble evaluate}: perplexity, divergence and tasks of a model. */
@Command(
    name = "evaluate",
    mixinStandardHelpOptions = true,
    description =
        "Measures a model: perplexity, distance to the original, zero-shot tasks; of an encoder its"
            + " vectors.",
    footerHeading = "%nExamples:%n",
    footer = {
      "  nibble evaluate tiny-default --base tiny",
      "  nibble evaluate MODEL --on wikitext2-test --protocol gptq,strided:1024:512",
      "  nibble evaluate OUT --base MINILM --tasks stsb",
      "  nibble evaluate OUT --base MODEL --tasks arc_easy,piqa --limit 200 -o report.html",
    })
final class EvaluateCommand implements Runnable {
  @Spec private CommandSpec spec;

  @Parameters(index = "0", paramLabel = "MODEL", description = ModelArgument.HELP)
  private String model;

  @Option(
      names = "--base",
      paramLabel = "MODEL",
      description = "The original: adds KL divergence, agreement and flipped answers.")
  private String base;

  @Option(
      names = "--on",
      paramLabel = "DATA",
      description = "Text file, PATH#FIELD or known set (default: the bundled sample).")
  private String text = EvaluationOptions.DEFAULT.data();

  @Option(
      names = "--protocol",
      split = ",",
      paramLabel = "NAME",
      description = "gptq, strided, llamacpp, harness; with window and stride, as gptq:512.")
  private List<String> protocols = List.of("gptq");

  @Option(
      names = "--tasks",
      split = ",",
      paramLabel = "TASK",
      description =
          "Zero-shot tasks whose data lie in the data directory, as arc_easy,piqa; for an encoder"
              + " stsb.")
  private List<String> tasks = List.of();

  @Option(
      names = "--limit",
      paramLabel = "N",
      description = "Only the first N items of each task; marked in the result.")
  private int limit;

  @Option(names = "--shots", paramLabel = "N", description = "Examples before each item.")
  private int shots = TaskOptions.DEFAULT.shots();

  @Option(names = "--threads", paramLabel = "N", description = "Threads (default: all processors).")
  private int threads = Runtime.getRuntime().availableProcessors();

  @Option(
      names = "--activations",
      paramLabel = "TYPE",
      description =
          "Arithmetic of MODEL: ${COMPLETION-CANDIDATES}; int8 is what run uses (default: fp32).")
  private Activations activations = Activations.FP32;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FILE",
      description = "Report page to write; its JSON goes beside it.")
  private Path output;

  @Mixin private DataOptions data;

  @Mixin private HubOptions hub;

  @Override
  public void run() {
    Evaluation evaluation =
        new Evaluation(
            text,
            protocols.stream().map(Protocol::parse).toList(),
            tasks,
            TaskOptions.DEFAULT.withLimit(limit).withShots(shots),
            data.catalog(hub),
            activations,
            threads,
            ConsoleProgress.standard());
    EvaluationResult result =
        evaluation.run(
            ModelArgument.resolve(model, hub),
            Optional.ofNullable(base).map(m -> ModelArgument.resolve(m, hub)));
    PrintWriter out = spec.commandLine().getOut();
    out.print(Tables.headline(result.headline()).toText());
    if (!result.tasks().isEmpty()) {
      out.println();
      out.print(Tables.tasks(result.taskTable()).toText());
    }
    if (output != null) {
      String title = base == null ? model : model + " beside " + base;
      ReportWriter.write(
          output, new Report(title, "Nibble " + Version.number(), result.sections()));
      out.println();
      out.println("Report    " + output);
    }
    out.flush();
  }
}
