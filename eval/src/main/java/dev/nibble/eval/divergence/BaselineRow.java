package dev.nibble.eval.divergence;

import dev.nibble.eval.scoring.Logits;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.zip.CRC32C;

/**
 * A row of a {@link BaselineFile}, little-endian:
 *
 * <pre>
 *   offset  size  content
 *        0     4  CRC-32C of the bytes after it
 *        4     4  fp32 log-probability of the true token, NaN if the logits were not finite
 *        8    20  int32 ids of the 5 most likely tokens (fewer: padded with -1)
 *       28    2V  fp16 logit minus largest logit of each token
 * </pre>
 */
final class BaselineRow {
  private static final int HEAD = 8 + 4 * Baseline.TOP;

  private BaselineRow() {}

  static long bytes(int vocab) {
    return HEAD + 2L * vocab;
  }

  static ByteBuffer encode(float[] logits, int offset, int vocab, int target) {
    ByteBuffer row =
        ByteBuffer.allocate(Math.toIntExact(bytes(vocab))).order(ByteOrder.LITTLE_ENDIAN);
    double logSum = Logits.logSumExp(logits, offset, vocab);
    if (Double.isNaN(logSum)) {
      row.putFloat(4, Float.NaN);
    } else {
      int[] top = new int[Baseline.TOP];
      Arrays.fill(top, -1);
      int[] found = Logits.top(logits, offset, vocab, Baseline.TOP);
      System.arraycopy(found, 0, top, 0, found.length);
      row.putFloat(4, (float) (logits[offset + target] - logSum));
      for (int i = 0; i < top.length; i++) {
        row.putInt(8 + 4 * i, top[i]);
      }
      float max = logits[offset + top[0]];
      for (int v = 0; v < vocab; v++) {
        row.putShort(HEAD + 2 * v, Float.floatToFloat16(logits[offset + v] - max));
      }
    }
    row.putInt(0, checksum(row.array()));
    return row;
  }

  /** Fills {@code into}; false if the row is damaged. */
  static boolean decode(byte[] bytes, Baseline.Row into) {
    ByteBuffer row = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    if (row.getInt(0) != checksum(bytes)) {
      return false;
    }
    into.targetLogProb = row.getFloat(4);
    for (int i = 0; i < into.top.length; i++) {
      into.top[i] = row.getInt(8 + 4 * i);
    }
    for (int v = 0; v < into.logits.length; v++) {
      into.logits[v] = Float.float16ToFloat(row.getShort(HEAD + 2 * v));
    }
    into.normalize();
    return true;
  }

  private static int checksum(byte[] row) {
    CRC32C crc = new CRC32C();
    crc.update(row, 4, row.length - 4);
    return (int) crc.getValue();
  }
}
