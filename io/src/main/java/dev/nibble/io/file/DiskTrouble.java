package dev.nibble.io.file;

import dev.nibble.core.NibbleException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Locale;

/** Turns a failed write into the sentence a user can act on. */
public final class DiskTrouble {
  private DiskTrouble() {}

  /** The error to throw when writing {@code file} failed with {@code cause}. */
  public static NibbleException writing(Path file, IOException cause) {
    return new NibbleException(
        "cannot write " + file + ": " + reason(cause), NibbleException.RESOURCES, cause);
  }

  /** The error to throw when reading {@code file} failed with {@code cause}. */
  public static NibbleException reading(Path file, IOException cause) {
    return new NibbleException(
        "cannot read " + file + ": " + reason(cause), NibbleException.BAD_INPUT, cause);
  }

  private static String reason(IOException cause) {
    String said =
        cause.getMessage() == null ? cause.getClass().getSimpleName() : cause.getMessage();
    String lower = said.toLowerCase(Locale.ROOT);
    if (lower.contains("no space left") || lower.contains("not enough space")) {
      return "the disk is full; free some space and run the same command again";
    }
    if (lower.contains("read-only file system")) {
      return "the file system is read-only; choose another output";
    }
    if (cause instanceof AccessDeniedException) {
      return "permission denied; choose an output that you may write to";
    }
    if (cause instanceof NoSuchFileException) {
      return "there is no such file or directory; check the path";
    }
    if (cause instanceof FileSystemException f && f.getReason() != null) {
      return f.getReason();
    }
    return said;
  }
}
