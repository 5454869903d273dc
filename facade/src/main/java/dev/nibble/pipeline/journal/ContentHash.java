package dev.nibble.pipeline.journal;

import dev.nibble.io.file.DiskTrouble;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** SHA-256 of files and of small values, in lower-case hex. */
public final class ContentHash {
  private static final int CHUNK = 1 << 20;

  private ContentHash() {}

  /** Hash of a file's bytes. */
  public static String of(Path file) {
    MessageDigest digest = sha256();
    ByteBuffer buffer = ByteBuffer.allocate(CHUNK);
    try (FileChannel in = FileChannel.open(file, StandardOpenOption.READ)) {
      while (in.read(buffer.clear()) >= 0) {
        digest.update(buffer.flip());
      }
    } catch (IOException e) {
      throw DiskTrouble.reading(file, e);
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  /** Hash of a text's UTF-8 form. */
  public static String of(String text) {
    return HexFormat.of().formatHex(sha256().digest(text.getBytes(StandardCharsets.UTF_8)));
  }

  /** Hash of token ids as little-endian int32, sequence after sequence. */
  public static String of(int[][] tokens) {
    MessageDigest digest = sha256();
    for (int[] sequence : tokens) {
      ByteBuffer bytes = ByteBuffer.allocate(4 * sequence.length).order(ByteOrder.LITTLE_ENDIAN);
      bytes.asIntBuffer().put(sequence);
      digest.update(bytes);
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }
}
