package dev.nibble.cli;

import dev.nibble.runtime.RuntimeOptions;
import dev.nibble.runtime.decoder.KvKinds;
import picocli.CommandLine.Option;

/** How a model is run, for the verbs that run one. */
final class RuntimeArguments {
  @Option(
      names = "--cache",
      paramLabel = "TYPE",
      description =
          "Numbers of the key-value cache: fp32, fp16, q8, q4, or keys and values apart as in"
              + " k=q8,v=q4 (default: ${DEFAULT-VALUE}).")
  private String cache = RuntimeOptions.DEFAULT.cache().toString();

  @Option(names = "--threads", paramLabel = "N", description = "Threads (default: all processors).")
  private int threads = Runtime.getRuntime().availableProcessors();

  /** The usual options with what the user chose. */
  RuntimeOptions options() {
    return RuntimeOptions.DEFAULT.withThreads(threads).withCache(KvKinds.parse(cache));
  }
}
