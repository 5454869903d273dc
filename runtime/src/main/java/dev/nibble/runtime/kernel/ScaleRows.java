package dev.nibble.runtime.kernel;

import dev.nibble.core.spec.ScaleFormat;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** The scales of a tensor, {@code [rows, groups]}, or a single one for all rows. */
final class ScaleRows implements RowScales {
  private final MemorySegment scales;
  private final ScaleFormat format;
  private final int groups;
  private final Bands bands;

  /** Value of each byte in one-byte formats, else empty. */
  private final float[] bytes;

  /**
   * Scales as a packed tensor stores them.
   *
   * @param single true when one scale serves the whole tensor; then {@code groups} is 1
   */
  ScaleRows(MemorySegment scales, ScaleFormat format, int rows, int groups, boolean single) {
    this.scales = scales;
    this.format = format;
    this.groups = groups;
    this.bands = single ? null : new Bands(scales, rows, (long) groups * format.bytes());
    this.bytes = new float[format.bytes() == 1 ? 256 : 0];
    MemorySegment one = MemorySegment.ofArray(new byte[1]);
    for (int i = 0; i < bytes.length; i++) {
      one.set(ValueLayout.JAVA_BYTE, 0, (byte) i);
      bytes[i] = format.get(one, 0);
    }
  }

  @Override
  public void read(int row, Scratch s) {
    if (bands == null) {
      s.groupScales[0] = format.get(scales, 0);
      return;
    }
    MemorySegment data = bands.of(row);
    int at = bands.at(row);
    switch (format) {
      case FP16 -> {
        MemorySegment.copy(data, Bytes.LE16, at, s.shorts, 0, groups);
        Halves.toFloats(s.shorts, 0, s.groupScales, 0, groups);
      }
      case BF16 -> {
        MemorySegment.copy(data, Bytes.LE16, at, s.shorts, 0, groups);
        for (int g = 0; g < groups; g++) {
          s.groupScales[g] = Float.intBitsToFloat(s.shorts[g] << 16);
        }
      }
      case FP32 -> MemorySegment.copy(data, Bytes.LE_FLOAT, at, s.groupScales, 0, groups);
      case E8M0, E4M3 -> {
        for (int g = 0; g < groups; g++) {
          s.groupScales[g] = bytes[data.get(ValueLayout.JAVA_BYTE, at + g) & 0xff];
        }
      }
    }
  }

  /**
   * Repeats each group's scale for units {@code [first, first + count)} of {@code unit} columns,
   * into {@link Scratch#wordScales}.
   *
   * @param group columns of a group, whole units unless there is one group
   */
  static void spread(int group, int unit, int first, int count, Scratch s) {
    int each = group / unit;
    int u = 0;
    for (int g = first / Math.max(1, each); u < count; g++) {
      int end = Math.min(count, (g + 1) * each - first);
      float scale = s.groupScales[g];
      for (; u < end; u++) {
        s.wordScales[u] = scale;
      }
    }
  }
}
