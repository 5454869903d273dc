/**
 * Models on disk, whatever their format, as one configuration and tensors under canonical names:
 * Hugging Face directories of every supported family, GGUF files, and Nibble's own artefacts.
 */
package dev.nibble.io.model;
