package dev.nibble.runtime.packed;

import static dev.nibble.runtime.packed.PackedFormat.BLOCK;
import static dev.nibble.runtime.packed.PackedFormat.LANES;
import static dev.nibble.runtime.packed.PackedFormat.ROWS;
import static dev.nibble.runtime.packed.PackedFormat.WORDS;

import dev.nibble.core.tensor.AffineTensor;
import dev.nibble.core.tensor.GgmlTensor;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.core.tensor.TableTensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * Brings stored weights into {@link PackedFormat}. Codes stay what they are; levels of a table that
 * are no multiples of one another are rounded to 8 bits ({@link TableCodes}); scales become fp16
 * times a power of two, which changes none that were fp16 or bf16 and within 2^27 of the largest.
 */
public final class Repacker {
  private static final VarHandle WORD =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt LE32 =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort LE16 =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /** Binary exponent that the largest scale or min gets: fp16 ends at 2^16. */
  private static final int EXPONENT = 13;

  private static final float SMALLEST_NORMAL = 0x1p-14f;

  private final CodeRows source;
  private final PackedFormat format;
  private final int rows;
  private final int columns;
  private final int sourceGroups;

  private Repacker(CodeRows source, int rows, int columns) {
    this.source = source;
    this.format = source.format();
    this.rows = rows;
    this.columns = columns;
    this.sourceGroups = columns / source.groupColumns();
  }

  /** The layout a stored weight would get; nothing when none holds it. */
  public static Optional<PackedFormat> formatOf(PackedTensor weight) {
    return rowsOf(weight).map(CodeRows::format);
  }

  /**
   * Packs a weight.
   *
   * @param arena owns the result
   * @return nothing when no layout holds the weight: another type, odd groups, odd columns
   */
  public static Optional<PackedWeights> pack(PackedTensor weight, Arena arena) {
    return rowsOf(weight)
        .map(
            source ->
                new Repacker(source, Math.toIntExact(weight.rows()), weight.columns()).run(arena));
  }

  private static Optional<CodeRows> rowsOf(PackedTensor weight) {
    if (weight.shape().length != 2 || weight.columns() % BLOCK != 0 || weight.rows() == 0) {
      return Optional.empty();
    }
    return switch (weight) {
      case AffineTensor a -> AffineCodes.of(a);
      case TableTensor t -> TableCodes.of(t);
      case GgmlTensor g -> GgmlRows.of(g);
      default -> Optional.empty();
    };
  }

  private PackedWeights run(Arena arena) {
    MemorySegment data = arena.allocate(PackedWeights.byteSize(format, rows, columns), 64);
    int exponent = EXPONENT - Math.getExponent(largest());
    float up = Math.scalb(1f, Math.clamp(exponent, -100, 100));
    PackedWeights packed = new PackedWeights(format, rows, columns, 1 / up, source.table(), data);
    IntStream.range(0, packed.rowGroups())
        .parallel()
        .forEach(
            g -> rowGroup(g, up, data.asSlice(g * packed.rowGroupBytes(), packed.rowGroupBytes())));
    return packed;
  }

  /** Largest magnitude of a scale or min; 1 when all are 0. */
  private float largest() {
    double largest =
        IntStream.range(0, Math.ceilDiv(rows, ROWS))
            .parallel()
            .mapToDouble(
                g -> {
                  byte[] codes = new byte[columns];
                  float[] scales = new float[sourceGroups];
                  float[] mins = new float[sourceGroups];
                  float most = 0;
                  for (int r = g * ROWS; r < Math.min(rows, (g + 1) * ROWS); r++) {
                    source.read(r, codes, scales, mins);
                    for (int i = 0; i < sourceGroups; i++) {
                      most = Math.max(most, Math.max(Math.abs(scales[i]), Math.abs(mins[i])));
                    }
                  }
                  return most;
                })
            .max()
            .orElse(0);
    return largest > 0 && largest < Float.POSITIVE_INFINITY ? (float) largest : 1;
  }

  private void rowGroup(int rowGroup, float up, MemorySegment out) {
    byte[][] codes = new byte[ROWS][columns];
    float[][] scales = new float[ROWS][sourceGroups];
    float[][] mins = new float[ROWS][sourceGroups];
    for (int i = 0; i < ROWS && rowGroup * ROWS + i < rows; i++) {
      source.read(rowGroup * ROWS + i, codes[i], scales[i], mins[i]);
    }
    int groups = columns / format.groupColumns();
    for (int g = 0; g < groups; g++) {
      int at = g * format.groupBytes();
      for (int b = 0; b < format.blocks(); b++) {
        int column = (g * format.blocks() + b) * BLOCK;
        for (int half = 0; half < 2; half++) {
          int to = at + b * format.blockBytes() + half * format.halfBytes();
          for (PackedFormat.Plane plane : format.planes()) {
            plane(codes, half * LANES, column, plane, out, to);
          }
        }
      }
      for (int part = 0; part < format.parts(); part++) {
        int sourceGroup = (g * format.groupColumns() + part * 16) / source.groupColumns();
        for (int i = 0; i < ROWS; i++) {
          out.set(LE16, at + format.scalesAt(part) + 2 * i, half(scales[i][sourceGroup] * up));
          if (format.mins()) {
            out.set(LE16, at + format.minsAt(part) + 2 * i, half(mins[i][sourceGroup] * up));
          }
        }
      }
    }
  }

  private static short half(float value) {
    return Math.abs(value) < SMALLEST_NORMAL ? 0 : Float.floatToFloat16(value);
  }

  private static void plane(
      byte[][] codes,
      int firstRow,
      int column,
      PackedFormat.Plane plane,
      MemorySegment out,
      int to) {
    int mask = ((1 << plane.width()) - 1) * 0x01010101;
    int per = plane.wordsPerVector();
    for (int word = 0; word < WORDS; word += per) {
      int vector = to + plane.vectorOf(word);
      for (int lane = 0; lane < LANES; lane++) {
        byte[] row = codes[firstRow + lane];
        int bits = 0;
        for (int f = 0; f < per; f++) {
          int four = (int) WORD.get(row, column + 4 * (word + f));
          bits |= ((four >>> plane.shift()) & mask) << (f * plane.width());
        }
        out.set(LE32, vector + 4 * lane, bits);
      }
    }
  }
}
