package dev.nibble;

import dev.nibble.core.NibbleException;
import dev.nibble.core.progress.Progress;
import dev.nibble.core.tensor.DType;
import dev.nibble.io.gguf.GgufMix;
import dev.nibble.pipeline.export.ExportFormat;
import dev.nibble.pipeline.export.ExportOptions;
import dev.nibble.pipeline.export.Exporter;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** An export being described; {@link #to} ends the description. */
public final class ExportRequest {
  private final Path model;
  private ExportFormat format = ExportFormat.GGUF;
  private Optional<GgufMix> mix = Optional.empty();
  private Optional<Path> importance = Optional.empty();
  private boolean requantize;
  private Optional<DType> type = Optional.empty();
  private int threads = Runtime.getRuntime().availableProcessors();
  private Progress progress = Progress.SILENT;

  ExportRequest(Path model) {
    this.model = model;
  }

  /**
   * {@code gguf} (the default), {@code gptq}, {@code awq}, {@code compressed-tensors}, {@code
   * safetensors} or {@code packed}.
   *
   * @throws NibbleException when it is none of these
   */
  public ExportRequest format(String name) {
    this.format = ExportFormat.parse(name);
    return this;
  }

  /**
   * GGUF: quantize with this mix, as {@code Q4_K_M}, instead of keeping every tensor as stored.
   *
   * @throws NibbleException when there is no such mix
   */
  public ExportRequest ggufType(String name) {
    this.mix =
        Optional.of(
            Arrays.stream(GgufMix.values())
                .filter(m -> m.name().equalsIgnoreCase(name))
                .findFirst()
                .orElseThrow(
                    () ->
                        new NibbleException(
                            "there is no GGUF type '"
                                + name
                                + "'; choose one of "
                                + Arrays.toString(GgufMix.values()))));
    return this;
  }

  /** GGUF: importance matrix for the mix, a file as llama.cpp makes them. */
  public ExportRequest importance(Path file) {
    this.importance = Optional.of(file);
    return this;
  }

  /** GGUF: let the mix round tensors that are quantized already. */
  public ExportRequest requantize(boolean allowed) {
    this.requantize = allowed;
    return this;
  }

  /**
   * Safetensors: element type of the values, {@code float32}, {@code float16} or {@code bfloat16};
   * the model's own by default.
   *
   * @throws NibbleException when it is none of these
   */
  public ExportRequest type(String name) {
    this.type =
        Optional.of(
            switch (name) {
              case "float32" -> DType.F32;
              case "float16" -> DType.F16;
              case "bfloat16" -> DType.BF16;
              default ->
                  throw new NibbleException(
                      "there is no element type '"
                          + name
                          + "'; choose float32, float16 or bfloat16");
            });
    return this;
  }

  /** Tasks at once; all processors by default. Results do not depend on it. */
  public ExportRequest threads(int count) {
    this.threads = count;
    return this;
  }

  /** Told how far the export is; silent by default. */
  public ExportRequest progress(Progress listener) {
    this.progress = listener;
    return this;
  }

  /**
   * Exports. Codes, scales and zero-points are kept exactly, or the export is refused; only {@code
   * safetensors} and a GGUF type round.
   *
   * @param output a new {@code .gguf} file, else a folder that is absent or empty; appears whole or
   *     not at all
   * @return what the user should know about the choices made, a line each
   * @throws NibbleException naming the tensor that the format cannot hold, or what else is in the
   *     way
   */
  public List<String> to(Path output) {
    return new Exporter(
            new ExportOptions(format, mix, importance, requantize, type, threads, progress))
        .export(model, output);
  }
}
