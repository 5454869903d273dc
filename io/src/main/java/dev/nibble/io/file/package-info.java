/** Writing files so that a reader sees the old content or the new one, never half of it. */
package dev.nibble.io.file;
