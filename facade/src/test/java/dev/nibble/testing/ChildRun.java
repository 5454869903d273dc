package dev.nibble.testing;

import dev.nibble.Nibble;
import dev.nibble.QuantizationResult;
import dev.nibble.core.NibbleException;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Quantizes in a process of its own: one that can be killed, or given other settings. */
public final class ChildRun {
  private ChildRun() {}

  /** What the launcher asks of the C library, so that memory is measured as users have it. */
  private static final Map<String, String> LAUNCHER =
      Map.of(
          "MALLOC_ARENA_MAX", "2",
          "MALLOC_MMAP_THRESHOLD_", "1048576",
          "MALLOC_TRIM_THRESHOLD_", "16777216");

  /**
   * Arguments: model, recipe file, output, threads. Prints peak of anonymous memory and forecast.
   */
  public static void main(String[] arguments) {
    try {
      QuantizationResult result =
          Nibble.quantize(Path.of(arguments[0]))
              .recipe(arguments[1])
              .threads(Integer.parseInt(arguments[3]))
              .to(Path.of(arguments[2]));
      System.out.println("memory=" + result.log().memoryBytes());
      System.out.println("forecast=" + result.log().forecast().memoryBytes());
    } catch (NibbleException e) {
      System.out.println("refused=" + e.getMessage());
      System.exit(e.exitCode());
    }
  }

  /**
   * Starts such a process with this one's class path.
   *
   * @param environment variables besides this process's own
   * @param log receives what it prints
   */
  public static Process start(
      Path model,
      Path recipe,
      Path output,
      int threads,
      Map<String, String> environment,
      Path log) {
    String surefire = System.getProperty("surefire.test.class.path");
    String classPath = surefire != null ? surefire : System.getProperty("java.class.path");
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules=jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                "-XX:+UseParallelGC",
                "-Xms64m",
                "-XX:MaxNewSize=96m",
                "-cp",
                classPath,
                ChildRun.class.getName()));
    command.addAll(
        List.of(model.toString(), recipe.toString(), output.toString(), Integer.toString(threads)));
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().putAll(LAUNCHER);
    builder.environment().putAll(environment);
    builder.redirectOutput(new File(log.toString()));
    try {
      return builder.start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Runs such a process to its end and returns what it printed; fails when it failed. */
  public static String run(
      Path model, Path recipe, Path output, int threads, Map<String, String> environment) {
    Path log = output.resolveSibling(output.getFileName() + ".log");
    try {
      int code = start(model, recipe, output, threads, environment, log).waitFor();
      String said = Files.readString(log, StandardCharsets.UTF_8);
      if (code != 0) {
        throw new AssertionError("child ended with " + code + ":\n" + said);
      }
      return said;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
