package dev.nibble.io.interop;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.core.NibbleException;
import dev.nibble.core.model.ModelWeights;
import dev.nibble.core.progress.Progress;
import dev.nibble.core.tensor.DType;
import dev.nibble.io.file.AtomicFile;
import dev.nibble.io.json.StrictJson;
import dev.nibble.io.model.OpenedModel;
import dev.nibble.io.model.SourceConfig;
import dev.nibble.io.model.SourceTensors;
import dev.nibble.io.safetensors.SafetensorsWriter;
import dev.nibble.io.safetensors.SafetensorsWriter.Entry;
import dev.nibble.io.safetensors.ShardedSafetensors;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * Writes a model as a Hugging Face directory of its own family: config.json, tokenizer files,
 * model.safetensors. Quantized linears keep codes, scales, zero-points and column groups exactly or
 * are refused by name; the {@link Format#SAFETENSORS} format holds plain values instead.
 */
public final class HuggingFaceExport {
  private final OpenedModel model;
  private final ModelWeights weights;
  private final List<SourceTensors.Source> sources;
  private final ObjectNode config;
  private final List<String> notes = new ArrayList<>();

  /** What is written. */
  public enum Format {
    /** Layout of AutoGPTQ and GPTQModel. */
    GPTQ,
    /** Layout of AutoAWQ (GEMM). */
    AWQ,
    /** Layout of llm-compressor and vLLM. */
    COMPRESSED_TENSORS,
    /** Plain values. */
    SAFETENSORS
  }

  private HuggingFaceExport(OpenedModel model) {
    this.model = model;
    this.weights = model.weights();
    this.config = SourceConfig.read(model.path(), weights.config());
    this.sources = SourceTensors.of(weights.config());
  }

  /**
   * Writes into an existing folder.
   *
   * @param type element type of plain values for {@link Format#SAFETENSORS}: F32, F16 or BF16
   * @return what the user should know about the choices made, a line each
   * @throws NibbleException naming what the format cannot hold, before anything is written
   */
  public static List<String> write(
      OpenedModel model, Format format, DType type, Path directory, Progress progress) {
    HuggingFaceExport export = new HuggingFaceExport(model);
    List<Entry> entries =
        switch (format) {
          case GPTQ -> export.quantized(new GptqFormat());
          case AWQ -> export.quantized(new AwqFormat());
          case COMPRESSED_TENSORS -> export.quantized(new CompressedFormat());
          case SAFETENSORS -> export.plain(type);
        };
    model.copyCompanions(directory);
    AtomicFile.write(directory.resolve(SourceConfig.NAME), StrictJson.pretty(export.config));
    SafetensorsWriter.write(
        directory.resolve(ShardedSafetensors.SINGLE), Map.of("format", "pt"), entries, progress);
    return export.notes;
  }

  private List<Entry> quantized(LinearFormat format) {
    List<Entry> entries = new ArrayList<>();
    String head = SourceTensors.headModule(weights.config());
    Set<String> plain = new LinkedHashSet<>();
    List<StoredLinear> linears = new ArrayList<>();
    for (SourceTensors.Source source : sources) {
      if (PlainTensor.isPlain(source, weights)) {
        entries.add(PlainTensor.asStored(source, weights).entry());
        if (source.role() == SourceTensors.Role.LINEAR) {
          plain.add(source.module());
        }
      } else {
        requireLinear(source, format);
        StoredLinear linear = StoredLinear.of(source, weights, format.name());
        format.check(linear);
        linears.add(linear);
      }
    }
    if (linears.isEmpty()) {
      throw new NibbleException(
          model.path() + " has no quantized linear to write as " + format.name() + "; quantize it");
    }
    requireTransformsOf(linears, format);
    if (weights.config().tiedHead()) {
      plain.add(head);
    }
    LinearFormat.Written written =
        format.write(new LinearFormat.Linears(linears, List.copyOf(plain), head));
    entries.addAll(written.entries());
    config.set("quantization_config", written.config());
    notes.addAll(written.notes());
    return entries;
  }

  private static void requireLinear(SourceTensors.Source source, LinearFormat format) {
    if (source.role() != SourceTensors.Role.LINEAR) {
      throw new NibbleException(
          source.name()
              + " is quantized, but "
              + format.name()
              + " holds quantized linears only; leave embeddings out of the recipe, or export as"
              + " gguf");
    }
  }

  /** Attention cores have operators too, and no weight. */
  private void requireTransformsOf(List<StoredLinear> linears, LinearFormat format) {
    List<String> known =
        linears.stream()
            .flatMap(l -> l.source().parts().stream())
            .map(p -> site(p.canonical()))
            .toList();
    weights.siteOps().keySet().stream()
        .filter(s -> !known.contains(s))
        .sorted()
        .forEach(s -> requirePlainSite(s, format.name()));
  }

  private void requirePlainSite(String site, String format) {
    var ops = weights.siteOps().get(site);
    if (ops != null && !ops.isPlain()) {
      throw new NibbleException(
          format
              + " cannot carry the run-time "
              + (ops.withoutTransforms() ? "activation quantizer" : "transform")
              + " at "
              + site
              + "; export in the nibble format, or leave that step out of the recipe");
    }
  }

  private static String site(String tensor) {
    return tensor.substring(0, tensor.lastIndexOf('.'));
  }

  private List<Entry> plain(DType type) {
    weights.siteOps().keySet().stream().sorted().forEach(s -> requirePlainSite(s, "a plain model"));
    List<PlainTensor> tensors =
        sources.stream().map(s -> PlainTensor.of(s, weights, type)).toList();
    long computed = tensors.stream().filter(PlainTensor::converts).count();
    if (computed > 0 && type != DType.F32) {
      notes.add(computed + " tensors were converted to " + type.name().toLowerCase(Locale.ROOT));
    }
    String name =
        switch (type) {
          case F32 -> "float32";
          case F16 -> "float16";
          case BF16 -> "bfloat16";
          default -> throw new NibbleException(type + " is not written; use F32, F16 or BF16");
        };
    config.put(config.has("dtype") ? "dtype" : "torch_dtype", name);
    return tensors.stream().map(PlainTensor::entry).toList();
  }
}
