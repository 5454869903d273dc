package dev.nibble.cli;

import dev.nibble.core.NibbleException;
import dev.nibble.runtime.Conversation;
import dev.nibble.runtime.GenerateOptions;
import dev.nibble.runtime.Generated;
import dev.nibble.runtime.RuntimeOptions;
import dev.nibble.runtime.Sampling;
import dev.nibble.runtime.TextModel;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Consumer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code nibble run}: one prompt, or a chat. */
@Command(
    name = "run",
    mixinStandardHelpOptions = true,
    description = "Continues a prompt, or chats when no prompt is given.",
    footerHeading = "%nExamples:%n",
    footer = {
      "  nibble run tiny-4bit \"Once upon a time\"",
      "  nibble run MODEL                            chat; /clear forgets, /exit or Ctrl-D ends",
      "  echo \"What is ice?\" | nibble run MODEL --chat -",
    })
final class RunCommand implements Runnable {
  @Spec private CommandSpec spec;

  @Parameters(index = "0", paramLabel = "MODEL", description = ModelArgument.HELP)
  private String model;

  @Mixin private HubOptions hub;

  @Parameters(
      index = "1",
      arity = "0..1",
      paramLabel = "PROMPT",
      description = "Text to continue; - reads it from standard input. Without it: a chat.")
  private String prompt;

  @Option(
      names = "--chat",
      description = "Treat the prompt as a message in the model's chat template.")
  private boolean chat;

  @Option(names = "--system", paramLabel = "TEXT", description = "Instructions for the chat.")
  private String system;

  @Option(
      names = {"-n", "--max-tokens"},
      paramLabel = "N",
      description = "Most new tokens (default: ${DEFAULT-VALUE}).")
  private int maxTokens = 256;

  @Option(
      names = "--temperature",
      paramLabel = "T",
      description = "0 always takes the most likely token (default: ${DEFAULT-VALUE}).")
  private double temperature = 0.8;

  @Option(
      names = "--top-k",
      paramLabel = "K",
      description = "0 is off (default: ${DEFAULT-VALUE}).")
  private int topK = 40;

  @Option(
      names = "--top-p",
      paramLabel = "P",
      description = "1 is off (default: ${DEFAULT-VALUE}).")
  private double topP = 0.95;

  @Option(
      names = "--min-p",
      paramLabel = "P",
      description = "0 is off (default: ${DEFAULT-VALUE}).")
  private double minP;

  @Option(
      names = "--repeat-penalty",
      paramLabel = "R",
      description = "1 is off (default: ${DEFAULT-VALUE}).")
  private double penalty = 1;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "Same seed, same text (default: ${DEFAULT-VALUE}).")
  private long seed;

  @Option(
      names = "--stop",
      paramLabel = "TEXT",
      description = "Text that ends an answer; repeatable.")
  private List<String> stop = List.of();

  @Option(
      names = "--context",
      paramLabel = "N",
      description = "Context length (default: the model's own).")
  private int context;

  @Mixin private RuntimeArguments arguments;

  @Option(names = "--quiet", description = "No speed line.")
  private boolean quiet;

  @Override
  public void run() {
    GenerateOptions options =
        new GenerateOptions(
            new Sampling(temperature, topK, topP, minP, penalty, 64, seed), maxTokens, stop);
    RuntimeOptions runtime = arguments.options().withContextLength(context);
    try (TextModel text = TextModel.load(ModelArgument.resolve(model, hub), runtime)) {
      if (prompt == null) {
        converse(text, options);
      } else {
        once(text, options, prompt.equals("-") ? standardInput() : prompt);
      }
    }
  }

  private void once(TextModel text, GenerateOptions options, String input) {
    PrintWriter out = spec.commandLine().getOut();
    Consumer<String> show = shower(out);
    Generated generated;
    if (chat) {
      generated = newConversation(text).say(input, options, show);
    } else {
      show.accept(input);
      generated = text.generate(input, options, show);
    }
    out.println();
    report(generated);
  }

  private void converse(TextModel text, GenerateOptions options) {
    PrintWriter out = spec.commandLine().getOut();
    Conversation conversation = newConversation(text);
    BufferedReader in = reader();
    out.println("Chat with " + model + ". /clear forgets the conversation, /exit ends.");
    while (true) {
      out.print("> ");
      out.flush();
      String line = readLine(in);
      if (line == null || line.strip().equals("/exit")) {
        out.println();
        return;
      }
      if (line.strip().equals("/clear")) {
        conversation.clear();
        instruct(conversation);
      } else if (!line.isBlank()) {
        Generated answer = conversation.say(line, options, shower(out));
        out.println();
        report(answer);
      }
    }
  }

  private Conversation newConversation(TextModel text) {
    Optional<Conversation> found = text.conversation();
    if (found.isEmpty()) {
      throw new NibbleException(
          model
              + " has no chat template; give a prompt to continue, as in: nibble run "
              + model
              + " \"Once upon a time\"");
    }
    instruct(found.get());
    return found.get();
  }

  private void instruct(Conversation conversation) {
    if (system != null) {
      conversation.system(system);
    }
  }

  private void report(Generated g) {
    if (!quiet) {
      spec.commandLine()
          .getErr()
          .println(
              String.format(
                  Locale.ROOT,
                  "(prompt %d tokens, %.1f/s; %d new tokens, %.1f/s)",
                  g.promptTokens(),
                  g.promptRate(),
                  g.tokens(),
                  g.tokenRate()));
    }
  }

  private static Consumer<String> shower(PrintWriter out) {
    return piece -> {
      out.print(piece);
      out.flush();
    };
  }

  private static BufferedReader reader() {
    return new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
  }

  private static String readLine(BufferedReader in) {
    try {
      return in.readLine();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String standardInput() {
    try {
      return new String(System.in.readAllBytes(), StandardCharsets.UTF_8).strip();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
