package dev.nibble.bench;

import dev.nibble.runtime.Activations;
import dev.nibble.runtime.diagnose.MemoryBandwidth;
import dev.nibble.runtime.diagnose.SampleTensors;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.Options;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Runs {@link KernelBenchmark} for each stored type and sets the results beside the memory's. */
@Command(
    name = "kernels",
    mixinStandardHelpOptions = true,
    description = "GB/s of each matrix-times-vector kernel and its share of the bandwidth.")
final class KernelTable implements Callable<Integer> {
  @Option(names = "--types", split = ",", description = "Stored types; all when absent.")
  private List<String> types = SampleTensors.types();

  @Option(names = "--threads", defaultValue = "1", description = "Threads (default 1).")
  private int threads;

  @Option(
      names = "--activations",
      defaultValue = "INT8",
      description = "INT8 as sessions run, or FP32 as evaluation does (default INT8).")
  private Activations activations;

  @Option(names = "--forks", defaultValue = "1", description = "Processes per type (default 1).")
  private int forks;

  @Option(names = "--seconds", defaultValue = "1", description = "Length of an iteration.")
  private int seconds;

  @Override
  public Integer call() throws RunnerException {
    types.forEach(type -> SampleTensors.of(type, 1, 256)); // names an unknown type at once
    double bandwidth = MemoryBandwidth.measure(threads);
    System.out.printf(
        Locale.ROOT, "memory %.1f GB/s with %d threads%n%n", bandwidth / 1e9, threads);
    System.out.printf("%-20s %-18s %7s %9s%n", "stored type", "kernel", "GB/s", "of memory");
    for (String type : types) {
      Collection<RunResult> results = new Runner(options(type)).run();
      double nanos = results.iterator().next().getPrimaryResult().getScore();
      double rate = KernelBenchmark.bytes(type) / nanos;
      String kernel = activations.kernels().bind(SampleTensors.of(type, 32, 256)).kernel();
      System.out.printf(
          Locale.ROOT,
          "%-20s %-18s %7.2f %8.0f%%%n",
          type,
          kernel,
          rate,
          100 * rate / (bandwidth / 1e9));
    }
    return 0;
  }

  private Options options(String type) {
    return new OptionsBuilder()
        .include(KernelBenchmark.class.getName())
        .param("type", type)
        .param("activations", activations.name())
        .param("threads", Integer.toString(threads))
        .forks(forks)
        .warmupIterations(3)
        .warmupTime(TimeValue.seconds(seconds))
        .measurementIterations(5)
        .measurementTime(TimeValue.seconds(seconds))
        .jvmArgs(
            "--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED", "-Xmx2g")
        .verbosity(VerboseMode.SILENT)
        .build();
  }
}
