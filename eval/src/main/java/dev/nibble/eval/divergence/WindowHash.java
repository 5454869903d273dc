package dev.nibble.eval.divergence;

import dev.nibble.eval.scoring.Window;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.List;

/** Binds a baseline file to the model and the tokens it was computed from. */
final class WindowHash {
  /** Length of the hash. */
  static final int BYTES = 32;

  private WindowHash() {}

  /** SHA-256 of the id, the vocabulary size and every window. */
  static byte[] of(String modelId, int vocab, List<Window> windows) {
    MessageDigest digest;
    try {
      digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
    byte[] id = modelId.getBytes(StandardCharsets.UTF_8);
    digest.update(
        ByteBuffer.allocate(12).putInt(id.length).putInt(vocab).putInt(windows.size()).array());
    digest.update(id);
    for (Window window : windows) {
      int[] input = window.input();
      int[] targets = window.targets();
      ByteBuffer bytes = ByteBuffer.allocate(8 + 4 * (input.length + targets.length));
      bytes.putInt(input.length).putInt(window.from());
      bytes.asIntBuffer().put(input).put(targets);
      digest.update(bytes.array());
    }
    return digest.digest();
  }
}
