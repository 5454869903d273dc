/**
 * The safetensors format: a JSON header and plain arrays, in one file or several shards. Readers
 * map files and treat every byte as hostile; the writer streams and replaces files atomically.
 */
package dev.nibble.io.safetensors;
