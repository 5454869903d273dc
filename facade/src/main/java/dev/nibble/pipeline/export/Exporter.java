package dev.nibble.pipeline.export;

import dev.nibble.core.NibbleException;
import dev.nibble.core.progress.Progress;
import dev.nibble.core.tensor.DType;
import dev.nibble.io.file.DiskTrouble;
import dev.nibble.io.gguf.GgufExport;
import dev.nibble.io.gguf.GgufExportOptions;
import dev.nibble.io.gguf.ImportanceFile;
import dev.nibble.io.interop.HuggingFaceExport;
import dev.nibble.io.model.OpenedModel;
import dev.nibble.pipeline.check.OutputCheck;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.Stream;

/** Writes a model in another format; the output appears whole or not at all. */
public final class Exporter {
  private static final String GGUF_SUFFIX = ".gguf";

  private final ExportOptions options;
  private final List<String> notes = Collections.synchronizedList(new ArrayList<>());

  /** An exporter for one export. */
  public Exporter(ExportOptions options) {
    this.options = options;
  }

  /**
   * Exports.
   *
   * @param source directory or GGUF file
   * @param output file for GGUF, else an absent or empty folder
   * @return what the user should know about the choices made, a line each
   * @throws NibbleException naming the tensor that the format cannot hold, or what else is in the
   *     way
   */
  public List<String> export(Path source, Path output) {
    Path target = output.toAbsolutePath().normalize();
    check(target);
    try (OpenedModel model = OpenedModel.open(source)) {
      if (options.format() == ExportFormat.GGUF) {
        gguf(model, target);
      } else {
        directory(model, target);
      }
    }
    return List.copyOf(notes);
  }

  private void check(Path target) {
    boolean file = options.format() == ExportFormat.GGUF;
    if (!file && (options.mix().isPresent() || options.importance().isPresent())) {
      throw new NibbleException("GGUF types and importance matrices go with the format gguf only");
    }
    if (options.type().isPresent() && options.format() != ExportFormat.SAFETENSORS) {
      throw new NibbleException("an element type goes with the format safetensors only");
    }
    if (file && !target.toString().endsWith(GGUF_SUFFIX)) {
      throw new NibbleException(
          "the output " + target + " is no .gguf file; readers know GGUF by that ending");
    }
    OutputCheck.place(target);
    if (file && Files.isDirectory(target)) {
      throw new NibbleException("the output " + target + " is a folder; choose another name");
    }
  }

  private void gguf(OpenedModel model, Path target) {
    GgufExportOptions gguf =
        options.mix().map(GgufExportOptions::of).orElseGet(GgufExportOptions::asStored);
    gguf = gguf.withThreads(options.threads());
    if (options.importance().isPresent()) {
      gguf = gguf.withImportance(ImportanceFile.read(options.importance().get()));
    }
    if (options.requantize()) {
      gguf = gguf.withRequantization();
    }
    GgufExport.write(model.weights(), model.ggufTokenizer(), gguf, target, new Noting());
  }

  private void directory(OpenedModel model, Path target) {
    Path partial = target.resolveSibling("." + target.getFileName() + ".partial");
    try {
      remove(partial);
      Files.createDirectory(partial);
      List<String> said =
          options
              .format()
              .layout()
              .map(
                  layout ->
                      HuggingFaceExport.write(
                          model,
                          layout,
                          options.type().orElseGet(() -> ownType(model)),
                          partial,
                          options.progress()))
              .orElseGet(() -> PackedExport.write(model, partial, options.progress()));
      said.forEach(new Noting()::note);
      Files.deleteIfExists(target); // an empty folder, as was checked
      Files.move(partial, target, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw DiskTrouble.writing(target, e);
    } finally {
      removeQuietly(partial);
    }
  }

  private static DType ownType(OpenedModel model) {
    return switch (model.weights().config().dtype()) {
      case "float16" -> DType.F16;
      case "bfloat16" -> DType.BF16;
      default -> DType.F32;
    };
  }

  private static void remove(Path folder) throws IOException {
    if (!Files.isDirectory(folder)) {
      return;
    }
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.toList()) {
        Files.delete(file);
      }
    }
    Files.delete(folder);
  }

  /** After a failure: the failure itself is what the user must hear of. */
  private void removeQuietly(Path folder) {
    try {
      remove(folder);
    } catch (IOException e) {
      options.progress().note("the unfinished " + folder + " could not be removed: " + e);
    }
  }

  /** Passes everything on and keeps the notes. */
  private final class Noting implements Progress {
    @Override
    public Task start(String what, long total, String unit) {
      return options.progress().start(what, total, unit);
    }

    @Override
    public void note(String line) {
      notes.add(line);
      options.progress().note(line);
    }
  }
}
