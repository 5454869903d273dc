package dev.nibble.pipeline.export;

import dev.nibble.core.NibbleException;
import dev.nibble.io.interop.HuggingFaceExport;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.Collectors;

/** What a model can be exported as. */
public enum ExportFormat {
  /** One file for llama.cpp and its kin. */
  GGUF("gguf", null),
  /** Directory in the layout of AutoGPTQ and GPTQModel. */
  GPTQ("gptq", HuggingFaceExport.Format.GPTQ),
  /** Directory in the layout of AutoAWQ. */
  AWQ("awq", HuggingFaceExport.Format.AWQ),
  /** Directory in the layout of llm-compressor. */
  COMPRESSED_TENSORS("compressed-tensors", HuggingFaceExport.Format.COMPRESSED_TENSORS),
  /** Directory with plain values. */
  SAFETENSORS("safetensors", HuggingFaceExport.Format.SAFETENSORS),
  /** Nibble artefact whose weights are stored as kernels read them. */
  PACKED("packed", null);

  private final String text;
  private final HuggingFaceExport.Format layout;

  ExportFormat(String text, HuggingFaceExport.Format layout) {
    this.text = text;
    this.layout = layout;
  }

  /**
   * @param name as {@code compressed-tensors}
   * @throws NibbleException listing the formats when it is none
   */
  public static ExportFormat parse(String name) {
    return Arrays.stream(values())
        .filter(f -> f.text.equalsIgnoreCase(name))
        .findFirst()
        .orElseThrow(
            () ->
                new NibbleException(
                    "there is no export format '"
                        + name
                        + "'; choose "
                        + Arrays.stream(values())
                            .map(ExportFormat::toString)
                            .collect(Collectors.joining(", "))));
  }

  /** Layout of the directory; empty for a GGUF file and an artefact. */
  Optional<HuggingFaceExport.Format> layout() {
    return Optional.ofNullable(layout);
  }

  @Override
  public String toString() {
    return text;
  }
}
