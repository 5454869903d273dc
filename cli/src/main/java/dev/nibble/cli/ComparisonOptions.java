package dev.nibble.cli;

import dev.nibble.eval.perplexity.Protocol;
import dev.nibble.pipeline.evaluate.EvaluationOptions;
import picocli.CommandLine.Option;

/** What a result is compared with its original on, the same for every verb that makes one. */
final class ComparisonOptions {
  @Option(
      names = "--evaluate-on",
      paramLabel = "DATA",
      description = "Text to compare with the original on (default: the bundled sample).")
  private String data = EvaluationOptions.DEFAULT.data();

  @Option(
      names = "--protocol",
      paramLabel = "NAME",
      description = "gptq, strided or llamacpp, with window and stride, as strided:2048:512.")
  private String protocol;

  /** The façade's options for these. */
  EvaluationOptions evaluation() {
    return new EvaluationOptions(
        data, protocol == null ? EvaluationOptions.DEFAULT.protocol() : Protocol.parse(protocol));
  }
}
