package dev.nibble.cli;

import dev.nibble.core.NibbleException;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import picocli.CommandLine;
import picocli.CommandLine.IExecutionExceptionHandler;
import picocli.CommandLine.IParameterExceptionHandler;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.UnmatchedArgumentException;

/**
 * Turns failures into one sentence and an exit code. Only a defect of Nibble itself has a stack
 * trace, and that goes to a file.
 */
final class ErrorReporter implements IParameterExceptionHandler, IExecutionExceptionHandler {
  /** A defect of Nibble. */
  static final int INTERNAL = 1;

  private final PrintWriter err;

  ErrorReporter(PrintWriter err) {
    this.err = err;
  }

  @Override
  public int handleParseException(ParameterException problem, String[] args) {
    err.println("nibble: " + problem.getMessage());
    CommandLine command = problem.getCommandLine();
    if (!UnmatchedArgumentException.printSuggestions(problem, err)) {
      err.println("Try: " + command.getCommandSpec().qualifiedName() + " --help");
    }
    return NibbleException.USAGE;
  }

  @Override
  public int handleExecutionException(Exception problem, CommandLine command, ParseResult parsed) {
    return report(problem);
  }

  /** Prints what went wrong; returns the exit code. */
  int report(Throwable problem) {
    if (problem instanceof NibbleException known) {
      err.println("nibble: " + known.getMessage());
      return known.exitCode();
    }
    if (problem instanceof OutOfMemoryError) {
      err.println(
          "nibble: the Java heap of "
              + (Runtime.getRuntime().maxMemory() >> 20)
              + " MiB is too small; raise it with NIBBLE_JAVA_OPTS=-Xmx8g");
      return NibbleException.RESOURCES;
    }
    err.println("nibble: internal error: " + problem);
    err.println("This is a defect of Nibble" + saved(problem) + "; please report it.");
    return INTERNAL;
  }

  private static String saved(Throwable problem) {
    try {
      Path file = Files.createTempFile("nibble-error-", ".txt");
      try (PrintWriter out = new PrintWriter(Files.newBufferedWriter(file))) {
        problem.printStackTrace(out);
      }
      return " (details are in " + file + ")";
    } catch (IOException e) {
      return "";
    }
  }
}
