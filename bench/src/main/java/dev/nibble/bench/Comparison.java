package dev.nibble.bench;

import de.kherud.llama.InferenceParameters;
import de.kherud.llama.LlamaModel;
import de.kherud.llama.ModelParameters;
import dev.nibble.core.NibbleException;
import dev.nibble.runtime.Activations;
import dev.nibble.runtime.RuntimeOptions;
import dev.nibble.runtime.Session;
import dev.nibble.runtime.TextModel;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/**
 * A GGUF file in the runtime and in llama.cpp, in turns in one process: prefill and decoding speed
 * as ratios of medians.
 */
@Command(
    name = "compare",
    mixinStandardHelpOptions = true,
    description = "Prefill and decoding speed of a GGUF file beside llama.cpp.")
final class Comparison implements Callable<Integer> {
  private static final String SENTENCE = "The cat sat on the mat and looked at the rain. ";

  @Parameters(paramLabel = "FILE", description = "A GGUF file.")
  private Path file;

  @Option(names = "--threads", defaultValue = "1", description = "Threads of both (default 1).")
  private int threads;

  @Option(names = "--prompt", defaultValue = "128", description = "Prompt tokens (default 128).")
  private int prompt;

  @Option(names = "--tokens", defaultValue = "32", description = "Decoded tokens (default 32).")
  private int tokens;

  @Option(
      names = "--activations",
      defaultValue = "INT8",
      description = "INT8 as sessions run, or FP32 as evaluation does (default INT8).")
  private Activations activations;

  @Option(names = "--rounds", defaultValue = "7", description = "Rounds after two unmeasured ones.")
  private int rounds;

  /** Seconds for the prompt and its first token, and for each further one. */
  private record Times(double prefill, double decode) {}

  @Override
  public Integer call() {
    if (prompt < 2 || tokens < 1 || rounds < 1 || threads < 1) {
      throw new NibbleException("prompt, tokens, rounds and threads must be positive");
    }
    ModelParameters parameters =
        new ModelParameters()
            .setModel(file.toString())
            .setCtxSize(prompt + tokens + 8)
            .setBatchSize(Math.max(32, prompt))
            .setThreads(threads)
            .setThreadsBatch(threads)
            .disableLog();
    RuntimeOptions options =
        RuntimeOptions.DEFAULT
            .withThreads(threads)
            .withContextLength(prompt + tokens + 8)
            .withActivations(activations);
    try (TextModel ours = TextModel.load(file, options);
        LlamaModel theirs = new LlamaModel(parameters)) {
      measure(ours, theirs);
    }
    return 0;
  }

  private void measure(TextModel ours, LlamaModel theirs) {
    String text = prompt(ours);
    int[] ids = ours.tokenizer().encode(text, true);
    Times[] mine = new Times[rounds];
    Times[] other = new Times[rounds];
    for (int round = -2; round < rounds; round++) {
      Times a = runtime(ours, ids);
      Times b = llama(theirs, text);
      if (round >= 0) {
        mine[round] = a;
        other[round] = b;
      }
    }
    System.out.println(
        "llama.cpp is the build inside de.kherud:llama, which on x86 uses AVX2 and no AVX-512;"
            + " a native build is faster on machines that have it.");
    System.out.println("kernels " + ours.kernels() + ", threads " + threads);
    double[] prefill = {median(mine, true), median(other, true)};
    double[] decode = {median(mine, false), median(other, false)};
    System.out.printf("%-22s %10s %10s %7s%n", "tokens/s", "nibble", "llama.cpp", "ratio");
    row("prefill of " + ids.length, ids.length / prefill[0], ids.length / prefill[1]);
    row("decoding", 1 / decode[0], 1 / decode[1]);
  }

  private static void row(String what, double ours, double theirs) {
    System.out.printf(
        Locale.ROOT, "%-22s %10.1f %10.1f %7.2f%n", what, ours, theirs, ours / theirs);
  }

  /** Text of about as many tokens as asked for. */
  private String prompt(TextModel model) {
    StringBuilder text = new StringBuilder();
    while (model.tokenizer().encode(text + SENTENCE, true).length <= prompt) {
      text.append(SENTENCE);
    }
    if (text.isEmpty()) {
      throw new NibbleException(
          "a prompt of " + prompt + " tokens is shorter than one sentence; ask for more");
    }
    return text.toString();
  }

  private Times runtime(TextModel model, int[] ids) {
    Session session = model.newSession();
    long start = System.nanoTime();
    int next = largest(session.prefill(ids));
    long ready = System.nanoTime();
    for (int i = 0; i < tokens; i++) {
      next = largest(session.decode(next));
    }
    return new Times((ready - start) / 1e9, (System.nanoTime() - ready) / 1e9 / tokens);
  }

  /** The binding has no clock inside: a run of one token is taken from a longer one. */
  private Times llama(LlamaModel model, String text) {
    long start = System.nanoTime();
    model.complete(request(text, 1));
    long ready = System.nanoTime();
    model.complete(request(text, 1 + tokens));
    double all = (System.nanoTime() - ready) / 1e9;
    double prefill = (ready - start) / 1e9;
    return new Times(prefill, (all - prefill) / tokens);
  }

  private static InferenceParameters request(String text, int tokens) {
    return new InferenceParameters(text)
        .setTemperature(0)
        .setNPredict(tokens)
        .setIgnoreEos(true)
        .setCachePrompt(false);
  }

  private static int largest(float[] logits) {
    int best = 0;
    for (int i = 1; i < logits.length; i++) {
      if (logits[i] > logits[best]) {
        best = i;
      }
    }
    return best;
  }

  private static double median(Times[] times, boolean prefill) {
    double[] sorted =
        Arrays.stream(times)
            .mapToDouble(t -> prefill ? t.prefill() : t.decode())
            .sorted()
            .toArray();
    return sorted[sorted.length / 2];
  }
}
