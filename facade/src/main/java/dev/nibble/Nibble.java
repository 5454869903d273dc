package dev.nibble;

import java.nio.file.Path;

/**
 * The verbs.
 *
 * <pre>{@code
 * QuantizationResult result =
 *     Nibble.quantize(Path.of("models/llama"))
 *         .recipe("gptq-w4")
 *         .memory("6g")
 *         .to(Path.of("llama-w4"));
 * System.out.println(result.provenance().bitsPerWeight());
 * }</pre>
 */
public final class Nibble {
  private Nibble() {}

  /**
   * Begins a quantization.
   *
   * @param model Hugging Face directory, artefact of Nibble, or GGUF file
   */
  public static QuantizationRequest quantize(Path model) {
    return new QuantizationRequest(model);
  }

  /**
   * How an artefact came to be.
   *
   * @param artefact folder that {@link QuantizationRequest#to} made
   * @throws dev.nibble.core.NibbleException when it is none
   */
  public static QuantizationResult explain(Path artefact) {
    return QuantizationResult.read(artefact);
  }

  /**
   * Begins an export into a format of other tools.
   *
   * @param model artefact of Nibble, Hugging Face directory, or GGUF file
   */
  public static ExportRequest export(Path model) {
    return new ExportRequest(model);
  }
}
