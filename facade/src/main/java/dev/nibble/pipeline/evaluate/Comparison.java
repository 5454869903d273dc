package dev.nibble.pipeline.evaluate;

import dev.nibble.core.model.LanguageModel;
import dev.nibble.core.progress.Progress;
import dev.nibble.core.work.Workers;
import dev.nibble.eval.divergence.Baseline;
import dev.nibble.eval.divergence.Divergence;
import dev.nibble.eval.divergence.DivergenceResult;
import dev.nibble.eval.perplexity.Protocol;
import dev.nibble.eval.perplexity.TokenizedText;
import dev.nibble.eval.perplexity.Windows;
import dev.nibble.eval.scoring.Window;
import dev.nibble.io.data.DataCatalog;
import dev.nibble.io.model.OpenedModel;
import dev.nibble.io.token.Tokenizer;
import dev.nibble.runtime.RuntimeOptions;
import dev.nibble.runtime.TextModel;
import java.nio.file.Path;
import java.util.List;

/** Measures how far a quantized model is from its original. */
public final class Comparison {
  private Comparison() {}

  /**
   * Runs both models on the same windows of a text.
   *
   * @param threads does not change the result
   * @throws dev.nibble.core.NibbleException when the vocabularies differ or the text is too short
   */
  public static DivergenceResult measure(
      Path original,
      Path quantized,
      EvaluationOptions options,
      DataCatalog data,
      int threads,
      Progress progress) {
    OpenedModel source = OpenedModel.open(original);
    TokenizedText text = tokenize(source.tokenizer(), options.data(), data);
    RuntimeOptions runtime = RuntimeOptions.DEFAULT.withThreads(threads);
    try (TextModel before = TextModel.of(source.weights(), runtime);
        TextModel after = TextModel.of(OpenedModel.open(quantized).weights(), runtime);
        LanguageModel reference = before.asLanguageModel();
        LanguageModel candidate = after.asLanguageModel();
        Workers workers = new Workers(threads)) {
      Protocol protocol =
          options
              .protocol()
              .resolve(Math.min(reference.contextLength(), candidate.contextLength()));
      List<Window> windows = Windows.of(text, protocol);
      try (Baseline baseline = Baseline.live(reference, windows, workers)) {
        String conditions = protocol.text() + ", " + text.id();
        return Divergence.measure(baseline, candidate, conditions, workers, progress);
      }
    }
  }

  /** A text with the special tokens that the tokenizer puts around it, without a closing one. */
  public static TokenizedText tokenize(Tokenizer tokenizer, String id, DataCatalog data) {
    return TokenizedText.of(id, data.text(id).text(), tokenizer);
  }
}
