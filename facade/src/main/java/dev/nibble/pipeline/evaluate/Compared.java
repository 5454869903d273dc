package dev.nibble.pipeline.evaluate;

import dev.nibble.core.progress.Progress;
import dev.nibble.eval.divergence.DivergenceResult;
import dev.nibble.io.data.DataCatalog;
import dev.nibble.io.model.OpenedModel;
import dev.nibble.pipeline.provenance.Fidelity;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A quantized model beside its original.
 *
 * @param fidelity the headline figures
 * @param divergence the whole comparison of two language models, empty for encoders
 */
public record Compared(Fidelity fidelity, Optional<DivergenceResult> divergence) {

  /**
   * Runs both models on the same text, as language models or as encoders.
   *
   * @param threads does not change the result
   * @throws dev.nibble.core.NibbleException when they cannot be compared or the text is too short
   */
  public static Compared of(
      Path original,
      Path quantized,
      EvaluationOptions options,
      DataCatalog data,
      int threads,
      Progress progress) {
    if (isEncoder(original)) {
      return new Compared(
          Fidelity.of(
              EncoderEvaluation.distance(
                  original, quantized, options.data(), data, threads, progress)),
          Optional.empty());
    }
    DivergenceResult full =
        Comparison.measure(original, quantized, options, data, threads, progress);
    return new Compared(Fidelity.of(full), Optional.of(full));
  }

  /** True when the model at that place is an encoder. */
  public static boolean isEncoder(Path model) {
    try (OpenedModel opened = OpenedModel.open(model)) {
      return opened.weights().config().encoder().present();
    }
  }
}
