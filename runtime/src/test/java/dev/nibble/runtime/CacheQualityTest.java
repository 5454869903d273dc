package dev.nibble.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.core.model.LanguageModel;
import dev.nibble.core.testing.SharedData;
import dev.nibble.runtime.decoder.KvKinds;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** What a smaller cache costs the bundled model, fed with the text it is to predict. */
class CacheQualityTest {
  private static final Path HOME = SharedData.repositoryRoot().resolve("models/tiny-lm");
  private static final int LENGTH = 256;
  private static final int TEXTS = 6;

  /** Log probabilities, {@code [text * LENGTH + position][vocab]}. */
  private static float[][] logProbabilities(String cache) throws IOException {
    RuntimeOptions options = RuntimeOptions.DEFAULT.withCache(KvKinds.parse(cache));
    String text = Files.readString(HOME.resolve("samples/evaluation.txt"));
    float[][] rows = new float[TEXTS * LENGTH][];
    try (TextModel model = TextModel.load(HOME, options);
        LanguageModel language = model.asSessionsRun()) {
      int[] ids = model.tokenizer().encode(text, false);
      for (int i = 0; i < TEXTS; i++) {
        int first = i * LENGTH;
        language.logits(
            Arrays.copyOfRange(ids, first, first + LENGTH),
            0,
            (p, row, at) -> rows[first + p] = logSoftmax(row, at, language.vocabSize()));
      }
    }
    return rows;
  }

  private static float[] logSoftmax(float[] row, int at, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++) {
      sum += Math.exp(row[at + i]);
    }
    float[] out = new float[n];
    for (int i = 0; i < n; i++) {
      out[i] = (float) (row[at + i] - Math.log(sum));
    }
    return out;
  }

  /** Mean divergence of b from a, nats per token. */
  private static double divergence(float[][] a, float[][] b) {
    double sum = 0;
    for (int t = 0; t < a.length; t++) {
      for (int i = 0; i < a[t].length; i++) {
        sum += Math.exp(a[t][i]) * ((double) a[t][i] - b[t][i]);
      }
    }
    return sum / a.length;
  }

  @Test
  void divergenceOfTheBundledModelIsWhatTheDocumentationSays() throws IOException {
    float[][] full = logProbabilities("fp32");
    double half = divergence(full, logProbabilities("fp16"));
    double bytes = divergence(full, logProbabilities("q8"));
    double mixed = divergence(full, logProbabilities("k=q8,v=q4"));
    double nibbles = divergence(full, logProbabilities("q4"));
    assertThat(half).isBetween(0.0, 1e-6);
    assertThat(bytes).isBetween(half, 1.5e-4);
    assertThat(mixed).isBetween(bytes, 3e-3);
    assertThat(nibbles).isBetween(mixed, 1.5e-2);
  }
}
