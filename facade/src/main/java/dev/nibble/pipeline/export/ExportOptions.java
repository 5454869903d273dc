package dev.nibble.pipeline.export;

import dev.nibble.core.progress.Progress;
import dev.nibble.core.tensor.DType;
import dev.nibble.io.gguf.GgufMix;
import java.nio.file.Path;
import java.util.Optional;

/**
 * How to export.
 *
 * @param format what to write
 * @param mix GGUF types; empty to keep every tensor as it is stored
 * @param importance importance matrix for the mix
 * @param requantize let the mix round tensors that are quantized already
 * @param type element type of plain values; empty for the model's own
 * @param threads tasks at once; the bytes do not depend on it
 * @param progress told how far the export is
 */
public record ExportOptions(
    ExportFormat format,
    Optional<GgufMix> mix,
    Optional<Path> importance,
    boolean requantize,
    Optional<DType> type,
    int threads,
    Progress progress) {}
