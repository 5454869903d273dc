package dev.nibble.runtime.packed;

import dev.nibble.core.ggml.GgmlCodes;
import dev.nibble.core.tensor.GgmlTensor;
import dev.nibble.core.tensor.PackedFormat;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Optional;

/** ggml blocks with a scale for every 16 or 32 columns. */
final class GgmlRows implements CodeRows {
  private final GgmlTensor weight;
  private final PackedFormat format;
  private final int rowBytes;

  private GgmlRows(GgmlTensor weight) {
    this.weight = weight;
    this.format =
        new PackedFormat(
            GgmlCodes.bits(weight.type()),
            GgmlCodes.group(weight.type()),
            GgmlCodes.mins(weight.type()),
            GgmlCodes.levels(weight.type()).isPresent());
    this.rowBytes = Math.toIntExact(weight.type().rowBytes(weight.columns()));
  }

  /** Nothing for types with other groups. */
  static Optional<CodeRows> of(GgmlTensor weight) {
    return GgmlCodes.supports(weight.type()) ? Optional.of(new GgmlRows(weight)) : Optional.empty();
  }

  @Override
  public PackedFormat format() {
    return format;
  }

  @Override
  public int groupColumns() {
    return GgmlCodes.group(weight.type());
  }

  /** The levels are whole numbers already. */
  @Override
  public byte[] table() {
    float[] levels = GgmlCodes.levels(weight.type()).orElse(new float[0]);
    byte[] table = new byte[levels.length];
    for (int i = 0; i < table.length; i++) {
      table[i] = (byte) (format.offset() + (int) levels[i]);
    }
    return table;
  }

  @Override
  public int bufferBytes(int count) {
    return Math.multiplyExact(count, rowBytes);
  }

  @Override
  public void load(int row, int count, byte[] buffer) {
    MemorySegment.copy(
        weight.data(), ValueLayout.JAVA_BYTE, (long) row * rowBytes, buffer, 0, count * rowBytes);
  }

  @Override
  public void codes(int count, byte[] buffer, long[] eights) {
    GgmlCodes.codes(weight.type(), buffer, count * weight.columns(), eights);
  }

  @Override
  public void scales(int row, int count, byte[] buffer, float[] scales, float[] mins) {
    GgmlCodes.scales(weight.type(), buffer, count * weight.columns(), scales, mins);
  }
}
