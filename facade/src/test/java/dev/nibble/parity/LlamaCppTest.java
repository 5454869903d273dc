package dev.nibble.parity;

import static org.assertj.core.api.Assertions.assertThat;

import de.kherud.llama.InferenceParameters;
import de.kherud.llama.LlamaModel;
import de.kherud.llama.ModelParameters;
import dev.nibble.core.progress.Progress;
import dev.nibble.core.testing.SharedData;
import dev.nibble.io.gguf.GgufExport;
import dev.nibble.io.gguf.GgufExportOptions;
import dev.nibble.io.gguf.GgufMix;
import dev.nibble.io.model.OpenedModel;
import dev.nibble.runtime.RuntimeOptions;
import dev.nibble.runtime.Session;
import dev.nibble.runtime.TextModel;
import dev.nibble.runtime.kernel.Lanes;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Exports the bundled model as GGUF, runs each file in llama.cpp and in the runtime, and compares
 * tokens and greedy continuations. llama.cpp rounds activations to 8 bits and works in other
 * orders, so a continuation counts while the runtime's best logit leads the second by a margin.
 */
class LlamaCppTest {
  private static final float MARGIN = 0.1f;
  private static final int LONGEST = 24;
  private static final List<String> PROMPTS =
      List.of(
          "Once upon a time",
          "The little dog was happy because",
          "One day, a girl named Lily",
          "Tom and his mother went to the park. They",
          "The cat sat on the");

  @TempDir Path folder;

  /** Skips where the binding has no native library for this platform or processor. */
  @BeforeAll
  static void loadLibrary() {
    Assumptions.assumeFalse(
        System.getProperty("os.arch").equals("amd64") && Lanes.WIDTH < 8,
        "skipped: the llama.cpp binding needs AVX2");
    System.setProperty("de.kherud.llama.tmpdir", Path.of("target").toAbsolutePath().toString());
    try {
      Class.forName(LlamaModel.class.getName());
    } catch (LinkageError | ClassNotFoundException e) {
      Assumptions.abort("skipped: llama.cpp's native library does not load here: " + e);
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"F16", "Q8_0", "Q4_0", "Q4_K_M", "Q5_K_M", "Q2_K"})
  void llamaCppContinuesAsTheRuntimeDoes(GgufMix mix) {
    Path file = folder.resolve("tiny-lm.gguf");
    Path source = SharedData.repositoryRoot().resolve("models/tiny-lm");
    try (OpenedModel model = OpenedModel.open(source)) {
      GgufExport.write(
          model.weights(), model.ggufTokenizer(), GgufExportOptions.of(mix), file, Progress.SILENT);
    }
    ModelParameters parameters =
        new ModelParameters()
            .setModel(file.toString())
            .setCtxSize(256)
            .setThreads(1)
            .setThreadsBatch(1)
            .disableLog();
    try (TextModel ours = TextModel.load(file, RuntimeOptions.DEFAULT.withThreads(1));
        LlamaModel theirs = new LlamaModel(parameters)) {
      int compared = 0;
      for (String prompt : PROMPTS) {
        int[] ids = ours.tokenizer().encode(prompt, true);
        assertThat(theirs.encode(prompt))
            .as(prompt)
            .isEqualTo(ours.tokenizer().encode(prompt, false));
        int[] tokens = continuation(ours, ids);
        if (tokens.length > 0) {
          String text = theirs.complete(request(prompt, tokens.length));
          assertThat(text).as(prompt).isEqualTo(ours.tokenizer().decode(tokens, false));
        }
        compared += tokens.length;
      }
      assertThat(compared).isGreaterThanOrEqualTo(20);
    }
  }

  private static InferenceParameters request(String prompt, int tokens) {
    return new InferenceParameters(prompt)
        .setTemperature(0)
        .setNPredict(tokens)
        .setCachePrompt(false);
  }

  /** Greedy tokens up to the first close decision or the end of the text. */
  private static int[] continuation(TextModel model, int[] prompt) {
    Session session = model.newSession();
    float[] logits = session.prefill(prompt);
    int[] tokens = new int[LONGEST];
    int n = 0;
    while (n < LONGEST) {
      int best = largest(logits, -1);
      boolean close = logits[best] - logits[largest(logits, best)] < MARGIN;
      if (close || model.config().eosIds().contains(best)) {
        break;
      }
      tokens[n++] = best;
      logits = session.decode(best);
    }
    return Arrays.copyOf(tokens, n);
  }

  private static int largest(float[] values, int except) {
    int best = except == 0 ? 1 : 0;
    for (int i = 0; i < values.length; i++) {
      if (i != except && values[i] > values[best]) {
        best = i;
      }
    }
    return best;
  }
}
