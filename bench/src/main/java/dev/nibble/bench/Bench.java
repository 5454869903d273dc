package dev.nibble.bench;

import dev.nibble.core.NibbleException;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** Entry of the benchmarks. */
@Command(
    name = "bench",
    mixinStandardHelpOptions = true,
    description = "Measures kernels and whole models.",
    subcommands = {KernelTable.class, Comparison.class, Synthetic.class})
public final class Bench {
  private Bench() {}

  /** Runs a command. */
  public static void main(String[] args) {
    CommandLine commands = new CommandLine(new Bench());
    commands.setExecutionExceptionHandler(
        (e, command, parsed) -> {
          if (!(e instanceof NibbleException)) {
            throw e;
          }
          command.getErr().println(e.getMessage());
          return 1;
        });
    System.exit(commands.execute(args));
  }
}
