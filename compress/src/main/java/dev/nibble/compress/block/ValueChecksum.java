package dev.nibble.compress.block;

import dev.nibble.core.tensor.PackedTensor;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.zip.CRC32C;

/**
 * CRC-32C of fp32 values, little-endian and row-major: how a stored operator is compared with the
 * values that the simulation ran with, bit for bit, without keeping those.
 */
public final class ValueChecksum {
  private static final int CHUNK = 1 << 16;
  private static final long RUN_BYTES = 1 << 26;

  private ValueChecksum() {}

  /** Checksum of the values that a stored tensor stands for; a few rows are decoded at a time. */
  public static long of(PackedTensor tensor) {
    CRC32C crc = new CRC32C();
    int columns = tensor.columns();
    int step = Math.max(1, CHUNK / Math.max(1, columns));
    float[] rows = new float[Math.multiplyExact(step, columns)];
    ByteBuffer bytes = ByteBuffer.allocate(rows.length * 4).order(ByteOrder.LITTLE_ENDIAN);
    FloatBuffer floats = bytes.asFloatBuffer();
    for (long row = 0; row < tensor.rows(); row += step) {
      int count = (int) Math.min(step, tensor.rows() - row);
      tensor.dequantize(row, row + count, rows, 0);
      floats.clear().put(rows, 0, count * columns);
      crc.update(bytes.clear().limit(count * columns * 4));
    }
    return crc.getValue();
  }

  /** Checksum of native memory that holds fp32 values. */
  public static long of(MemorySegment values) {
    CRC32C crc = new CRC32C();
    for (long at = 0; at < values.byteSize(); at += RUN_BYTES) {
      crc.update(values.asSlice(at, Math.min(RUN_BYTES, values.byteSize() - at)).asByteBuffer());
    }
    return crc.getValue();
  }
}
