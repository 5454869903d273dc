package dev.nibble.runtime.packed;

import static dev.nibble.core.tensor.PackedFormat.BLOCK;
import static dev.nibble.core.tensor.PackedFormat.ROWS;

import dev.nibble.core.tensor.AffineTensor;
import dev.nibble.core.tensor.GgmlTensor;
import dev.nibble.core.tensor.PackedFormat;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.core.tensor.TableTensor;
import dev.nibble.core.tensor.TiledTensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.util.Optional;
import java.util.concurrent.ForkJoinPool;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Brings stored weights into {@link PackedFormat}. Codes stay what they are; levels of a table that
 * are no multiples of one another are rounded to 8 bits ({@link TableCodes}); scales become fp16
 * times a power of two, which changes none that were fp16 or bf16 and within 2^27 of the largest.
 */
public final class Repacker {
  /** Binary exponent that the largest scale or min gets: fp16 ends at 2^16. */
  private static final int EXPONENT = 13;

  private final CodeRows source;
  private final PackedFormat format;
  private final int rows;
  private final int columns;

  private Repacker(CodeRows source, int rows, int columns) {
    this.source = source;
    this.format = source.format();
    this.rows = rows;
    this.columns = columns;
  }

  /** The layout a stored weight would get; nothing when none holds it. */
  public static Optional<PackedFormat> formatOf(PackedTensor weight) {
    return weight instanceof TiledTensor tiled
        ? Optional.of(tiled.format())
        : rowsOf(weight).map(CodeRows::format);
  }

  /**
   * Packs a weight, unless it is stored packed: then it stays where it lies.
   *
   * @param memory for the result; need not be zeroed
   * @return nothing when no layout holds the weight: another type, odd groups, odd columns
   */
  public static Optional<PackedWeights> pack(PackedTensor weight, SegmentAllocator memory) {
    if (weight instanceof TiledTensor tiled) {
      return Optional.of(PackedWeights.of(tiled, memory));
    }
    return rowsOf(weight)
        .map(
            source ->
                new Repacker(source, Math.toIntExact(weight.rows()), weight.columns()).run(memory));
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

  private PackedWeights run(SegmentAllocator memory) {
    MemorySegment data = memory.allocate(format.byteSize(rows, columns), 64);
    int exponent = EXPONENT - Math.getExponent(largest());
    float up = Math.scalb(1f, Math.clamp(exponent, -100, 100));
    PackedWeights packed = new PackedWeights(format, rows, columns, 1 / up, source.table(), data);
    RowGroups groups = new RowGroups(source, packed, up);
    tasks(packed.rowGroups()).forEach(range -> groups.pack(range.from, range.to));
    return packed;
  }

  /** Largest magnitude of a scale or min; 1 when all are 0. */
  private float largest() {
    double largest = tasks(rows).mapToDouble(this::largest).max().orElse(0);
    return largest > 0 && largest < Float.POSITIVE_INFINITY ? (float) largest : 1;
  }

  private float largest(Range of) {
    RowBuffers buffers = RowBuffers.ofThread(source, columns, 0);
    int groups = columns / source.groupColumns();
    float most = 0;
    for (int row = of.from; row < of.to; row += ROWS) {
      int count = Math.min(ROWS, of.to - row);
      source.load(row, count, buffers.bytes);
      source.scales(row, count, buffers.bytes, buffers.scales, buffers.mins);
      most = Math.max(most, largest(buffers.scales, count * groups));
      if (format.mins()) {
        most = Math.max(most, largest(buffers.mins, count * groups));
      }
    }
    return most;
  }

  private static float largest(float[] values, int count) {
    float most = 0;
    for (int i = 0; i < count; i++) {
      most = Math.max(most, Math.abs(values[i]));
    }
    return most;
  }

  private record Range(int from, int to) {}

  /** Parts of {@code n} things, a few for each thread. */
  private static Stream<Range> tasks(int n) {
    int count = Math.min(n, 4 * ForkJoinPool.getCommonPoolParallelism() + 4);
    return IntStream.range(0, count)
        .parallel()
        .mapToObj(i -> new Range((int) ((long) n * i / count), (int) ((long) n * (i + 1) / count)));
  }
}
