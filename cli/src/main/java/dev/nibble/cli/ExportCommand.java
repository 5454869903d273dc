package dev.nibble.cli;

import dev.nibble.ExportRequest;
import dev.nibble.Nibble;
import java.io.PrintWriter;
import java.nio.file.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code nibble export}: a model in the format of another tool. */
@Command(
    name = "export",
    mixinStandardHelpOptions = true,
    description =
        "Writes a model in the format of another tool: exactly as it is stored, or not at all; only"
            + " safetensors and --gguf-type round.",
    footerHeading = "%nExamples:%n",
    footer = {
      "  nibble export tiny-gptq-w4 --format gptq -o OUT       for GPTQModel and vLLM",
      "  nibble export tiny-gptq-w4 --format gguf -o OUT.gguf  for llama.cpp",
      "  nibble export MODEL --format packed -o OUT            for nibble: loads without repacking",
      "  nibble export MODEL --gguf-type Q4_K_M -o OUT.gguf    quantized on the way",
    })
final class ExportCommand implements Runnable {
  @Spec private CommandSpec spec;

  @Parameters(paramLabel = "MODEL", description = ModelArgument.HELP)
  private String model;

  @Mixin private HubOptions hub;

  @Option(
      names = {"-f", "--format"},
      paramLabel = "NAME",
      description =
          "gguf, gptq, awq, compressed-tensors, safetensors or packed (default: ${DEFAULT-VALUE}).")
  private String format = "gguf";

  @Option(
      names = {"-o", "--output"},
      paramLabel = "PATH",
      required = true,
      description = "File ending in .gguf, or folder to make.")
  private Path output;

  @Option(
      names = "--gguf-type",
      paramLabel = "TYPE",
      description = "Quantize to this GGUF mix, as Q4_K_M (default: as stored).")
  private String ggufType;

  @Option(
      names = "--importance",
      paramLabel = "FILE",
      description = "Importance matrix for --gguf-type, as llama.cpp makes them.")
  private Path importance;

  @Option(
      names = "--allow-requantize",
      description = "Let --gguf-type round tensors that are quantized already.")
  private boolean requantize;

  @Option(
      names = "--type",
      paramLabel = "TYPE",
      description = "Values of safetensors: float32, float16 or bfloat16 (default: the model's).")
  private String type;

  @Option(names = "--threads", paramLabel = "N", description = "Threads (default: all processors).")
  private int threads = Runtime.getRuntime().availableProcessors();

  @Override
  public void run() {
    ExportRequest request =
        Nibble.export(ModelArgument.resolve(model, hub))
            .format(format)
            .requantize(requantize)
            .threads(threads)
            .progress(ConsoleProgress.standard());
    if (ggufType != null) {
      request.ggufType(ggufType);
    }
    if (importance != null) {
      request.importance(importance);
    }
    if (type != null) {
      request.type(type);
    }
    request.to(output);
    PrintWriter out = spec.commandLine().getOut();
    out.println("Wrote " + output);
    out.flush();
  }
}
