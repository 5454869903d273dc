package dev.nibble.compress.block;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/**
 * Seeds of random choices: from the recipe's seed and names, so that they are the same anywhere.
 */
public final class Seeds {
  private Seeds() {}

  /** First 64 bits of SHA-256 over the base seed and the names. */
  public static long derive(long base, String... names) {
    try {
      byte[] text = (base + "\0" + String.join("\0", names)).getBytes(StandardCharsets.UTF_8);
      return ByteBuffer.wrap(MessageDigest.getInstance("SHA-256").digest(text)).getLong();
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }
}
