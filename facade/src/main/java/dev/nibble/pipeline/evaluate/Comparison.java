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
import dev.nibble.runtime.Activations;
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
    try (Original reference = new Original(source, runtime);
        TextModel after = TextModel.of(OpenedModel.open(quantized).weights(), runtime);
        LanguageModel candidate = after.asLanguageModel(options.activations());
        Workers workers = new Workers(threads)) {
      Protocol protocol =
          options
              .protocol()
              .resolve(
                  Math.min(source.weights().config().maxPositions(), candidate.contextLength()));
      List<Window> windows = Windows.of(text, protocol);
      try (Baseline baseline =
          options.originals().isPresent()
              ? new KeptBaselines(options.originals().get())
                  .open(source, reference::model, windows, workers, progress)
              : Baseline.live(reference.model(), windows, workers)) {
        String conditions = conditions(protocol, text, options.activations());
        return Divergence.measure(baseline, candidate, conditions, workers, progress);
      }
    }
  }

  /** What stands beside a figure, so that it can be measured again. */
  private static String conditions(Protocol protocol, TokenizedText text, Activations activations) {
    String plain = protocol.text() + ", " + text.id();
    return activations == Activations.FP32 ? plain : plain + ", activations of 8 bits";
  }

  /** An original that is made ready to run only when it has to. */
  private static final class Original implements AutoCloseable {
    private final OpenedModel source;
    private final RuntimeOptions runtime;
    private TextModel engine;
    private LanguageModel model;

    Original(OpenedModel source, RuntimeOptions runtime) {
      this.source = source;
      this.runtime = runtime;
    }

    LanguageModel model() {
      if (model == null) {
        engine = TextModel.of(source.weights(), runtime);
        model = engine.asLanguageModel();
      }
      return model;
    }

    @Override
    public void close() {
      if (model == null) {
        source.close();
      } else {
        model.close();
        engine.close();
      }
    }
  }

  /** A text with the special tokens that the tokenizer puts around it, without a closing one. */
  public static TokenizedText tokenize(Tokenizer tokenizer, String id, DataCatalog data) {
    return TokenizedText.of(id, data.text(id).text(), tokenizer);
  }
}
