package dev.nibble.pipeline.evaluate;

import dev.nibble.eval.perplexity.Bos;
import dev.nibble.eval.perplexity.Protocol;

/**
 * What two models are compared on.
 *
 * @param data data id, see {@link dev.nibble.io.data.DataCatalog}
 * @param protocol which positions count; not {@code harness}
 */
public record EvaluationOptions(String data, Protocol protocol) {
  private static final int WINDOWS = 32;

  /** The bundled text, up to 32 windows of the model's context or 2,048 tokens. */
  public static final EvaluationOptions DEFAULT =
      new EvaluationOptions(
          "bundled-evaluation", new Protocol(Protocol.Kind.GPTQ, 0, 0, Bos.DEFAULT, WINDOWS));
}
