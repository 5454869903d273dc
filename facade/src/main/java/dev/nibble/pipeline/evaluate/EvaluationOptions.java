package dev.nibble.pipeline.evaluate;

import dev.nibble.eval.perplexity.Bos;
import dev.nibble.eval.perplexity.Protocol;
import dev.nibble.runtime.Activations;
import java.nio.file.Path;
import java.util.Optional;

/**
 * What two models are compared on.
 *
 * @param data data id, see {@link dev.nibble.io.data.DataCatalog}
 * @param protocol which positions count; not {@code harness}
 * @param originals folder that keeps what originals answered, so that a second comparison with the
 *     same original need not run it again; empty for none
 * @param activations arithmetic of the compared model; originals run in single precision
 */
public record EvaluationOptions(
    String data, Protocol protocol, Optional<Path> originals, Activations activations) {
  private static final int WINDOWS = 32;

  /** The bundled text, up to 32 windows of the model's context or 2,048 tokens. */
  public static final EvaluationOptions DEFAULT =
      new EvaluationOptions(
          "bundled-evaluation", new Protocol(Protocol.Kind.GPTQ, 0, 0, Bos.DEFAULT, WINDOWS));

  /** Originals run anew each time. */
  public EvaluationOptions(String data, Protocol protocol) {
    this(data, protocol, Optional.empty(), Activations.FP32);
  }

  /** The same, keeping what originals answer. */
  public EvaluationOptions keepingOriginals(Path folder) {
    return new EvaluationOptions(data, protocol, Optional.of(folder), activations);
  }

  /** The same with another arithmetic of the compared model. */
  public EvaluationOptions withActivations(Activations other) {
    return new EvaluationOptions(data, protocol, originals, other);
  }
}
