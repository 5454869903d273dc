package dev.nibble.runtime.packed;

import static dev.nibble.core.tensor.PackedFormat.BLOCK;

import dev.nibble.core.tensor.PackedFormat;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Scalar arithmetic of 8-bit products. Every kernel returns the same bits: the integer sums are
 * exact, and the floats are rounded in this order whatever the number of inputs or threads.
 *
 * <p>An input block is rounded to {@code q = round(x · 127 / m)} with {@code m = max |x|}, at least
 * {@link #FLOOR}; its scale is {@code d = m · (factor / 127)}.
 */
public final class PackedReference {
  /** Smallest magnitude that a block of inputs is scaled by; below it all codes are 0. */
  public static final float FLOOR = 1e-30f;

  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
  private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;

  private PackedReference() {}

  /**
   * Rounds a vector into its place of a tile.
   *
   * @param x {@code columns} values from {@code from}
   * @param columns whole blocks
   * @param tile off-heap or not, {@link InputTile#bytes} long
   */
  public static void quantize(
      float[] x,
      int from,
      int columns,
      InputForm form,
      InputTile layout,
      int token,
      MemorySegment tile) {
    for (int b = 0; b < columns / BLOCK; b++) {
      long at = (long) b * layout.blockBytes();
      float most = FLOOR;
      for (int i = 0; i < BLOCK; i++) {
        most = Math.max(most, Math.abs(x[from + b * BLOCK + i]));
      }
      float inverse = 127f / most;
      float scale = most * (form.factor() / 127f);
      tile.set(FLOAT, at + layout.scaleAt(token), scale);
      int perPart = BLOCK / form.parts();
      for (int part = 0; part < form.parts(); part++) {
        int sum = 0;
        for (int i = part * perPart; i < (part + 1) * perPart; i++) {
          int q = (int) Math.rint(x[from + b * BLOCK + i] * inverse);
          sum += q;
          tile.set(ValueLayout.JAVA_BYTE, at + layout.codesAt(token) + i, (byte) q);
        }
        long correction = at + layout.correctionAt(token, part);
        if (form.mins()) {
          tile.set(FLOAT, correction, scale * sum);
        } else {
          tile.set(INT, correction, -form.offset() * sum);
        }
      }
    }
  }

  /** Product of one row with one vector of a tile. */
  public static float multiply(
      PackedWeights w, int row, MemorySegment tile, InputTile layout, int token) {
    PackedFormat format = w.format();
    int inGroup = row % PackedFormat.ROWS;
    long strip = row / PackedFormat.ROWS * w.rowGroupBytes();
    float sum = 0;
    for (int g = 0; g < w.groups(); g++) {
      long group = strip + (long) g * format.groupBytes();
      for (int b = 0; b < format.blocks(); b++) {
        long x = (long) (g * format.blocks() + b) * layout.blockBytes();
        long codes = group + (long) b * format.blockBytes();
        for (int part = 0; part < format.parts(); part++) {
          long correction = x + layout.correctionAt(token, part);
          int dot = format.mins() ? 0 : tile.get(INT, correction);
          int perPart = BLOCK / format.parts();
          for (int c = part * perPart; c < (part + 1) * perPart; c++) {
            dot +=
                code(w, codes, inGroup, c)
                    * tile.get(ValueLayout.JAVA_BYTE, x + layout.codesAt(token) + c);
          }
          float scaled = (float) dot * half(w.data(), group + format.scalesAt(part) + 2L * inGroup);
          sum = Math.fma(scaled, tile.get(FLOAT, x + layout.scaleAt(token)), sum);
          if (format.mins()) {
            float min = half(w.data(), group + format.minsAt(part) + 2L * inGroup);
            sum = Math.fma(min, tile.get(FLOAT, correction), sum);
          }
        }
      }
    }
    return sum;
  }

  /** Value of a weight, as the product sees it. */
  public static float value(PackedWeights w, int row, int column) {
    PackedFormat format = w.format();
    int inGroup = row % PackedFormat.ROWS;
    long group =
        row / PackedFormat.ROWS * w.rowGroupBytes()
            + (long) (column / format.groupColumns()) * format.groupBytes();
    int block = column % format.groupColumns() / BLOCK;
    int code = code(w, group + (long) block * format.blockBytes(), inGroup, column % BLOCK);
    int part = column % BLOCK / (BLOCK / format.parts());
    float scale = w.factor() * half(w.data(), group + format.scalesAt(part) + 2L * inGroup);
    float min =
        format.mins() ? w.factor() * half(w.data(), group + format.minsAt(part) + 2L * inGroup) : 0;
    return scale * (code - format.offset()) + min;
  }

  private static int code(PackedWeights w, long block, int inGroup, int column) {
    long half = block + (long) (inGroup / PackedFormat.LANES) * w.format().halfBytes();
    int code = 0;
    for (PackedFormat.Plane plane : w.format().planes()) {
      long at =
          half + plane.vectorOf(column / 4) + 4L * (inGroup % PackedFormat.LANES) + column % 4;
      int field = (w.data().get(ValueLayout.JAVA_BYTE, at) & 0xff) >> plane.fieldOf(column / 4);
      code |= (field & ((1 << plane.width()) - 1)) << plane.shift();
    }
    return w.format().table() ? w.table()[code] & 0xff : code;
  }

  private static float half(MemorySegment data, long at) {
    return Float.float16ToFloat(data.get(SHORT, at));
  }
}
