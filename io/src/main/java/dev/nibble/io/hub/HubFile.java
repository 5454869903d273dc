package dev.nibble.io.hub;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.function.LongConsumer;

/**
 * A file as the hub lists it.
 *
 * @param path path in the repository, checked by {@link HubPaths#isSafe}
 * @param size bytes, not negative
 * @param etag name of the content: SHA-256 of a large (LFS) file, else the SHA-1 of its git blob;
 *     lower-case hexadecimal digits
 */
record HubFile(String path, long size, String etag) {
  private static final int LFS_DIGITS = 64;
  private static final int BUFFER = 1 << 20;

  /**
   * True when the content of {@code file} is what the hub promised.
   *
   * @param read told the bytes read, piece by piece
   */
  boolean matches(Path file, LongConsumer read) throws IOException {
    if (Files.size(file) != size) {
      return false;
    }
    boolean lfs = etag.length() == LFS_DIGITS;
    MessageDigest digest = digest(lfs ? "SHA-256" : "SHA-1");
    if (!lfs) {
      // Git hashes a header before the content.
      digest.update(("blob " + size + "\0").getBytes(StandardCharsets.US_ASCII));
    }
    byte[] buffer = new byte[BUFFER];
    try (InputStream in = Files.newInputStream(file)) {
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        digest.update(buffer, 0, n);
        read.accept(n);
      }
    }
    return HexFormat.of().formatHex(digest.digest()).equals(etag);
  }

  private static MessageDigest digest(String algorithm) {
    try {
      return MessageDigest.getInstance(algorithm);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has " + algorithm, e);
    }
  }
}
