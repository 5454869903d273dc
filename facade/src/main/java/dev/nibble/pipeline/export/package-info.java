/** Models in the formats of other tools: as directories or GGUF files, whole or not at all. */
package dev.nibble.pipeline.export;
