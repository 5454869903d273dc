package dev.nibble.pipeline.journal;

/**
 * A file that defines the model being quantized.
 *
 * @param name path relative to the model
 * @param bytes size
 * @param sha256 hash of its content
 */
public record SourceFile(String name, long bytes, String sha256) {}
