package dev.nibble.io.model;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.core.spec.ScaleFormat;
import dev.nibble.core.tensor.AffineTensor;
import dev.nibble.core.tensor.DType;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.core.tensor.PackedTensor;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class PieceTest {

  /** Element (r, c) of a piece is what the definition says, in both orientations and all sizes. */
  @Property(tries = 200)
  void takesTheRowsOfItsDefinition(
      @ForAll @IntRange(min = 1, max = 5) int groups,
      @ForAll @IntRange(min = 1, max = 40) int run,
      @ForAll @IntRange(min = 0, max = 30) int before,
      @ForAll @IntRange(min = 0, max = 30) int after,
      @ForAll @IntRange(min = 1, max = 150) int columns,
      @ForAll boolean transposed,
      @ForAll boolean half) {
    int stride = before + run + after;
    int rows = groups * stride;
    float[] values = new float[rows * columns];
    for (int i = 0; i < values.length; i++) {
      values[i] = i % 2039;
    }
    DType type = half ? DType.F16 : DType.F32;
    long[] stored = transposed ? new long[] {columns, rows} : new long[] {rows, columns};
    DenseTensor source = DenseTensor.rounded(values, type, stored);
    Piece piece = new Piece(rows, before, run, stride, groups, transposed);
    long[] shape = {(long) groups * run, columns};
    assertThat(piece.sourceShape(shape)).isEqualTo(stored);
    float[] taken = piece.of(source, shape).toFloats();
    for (int r = 0; r < groups * run; r++) {
      int row = before + r / run * stride + r % run;
      for (int c = 0; c < columns; c++) {
        int at = transposed ? c * rows + row : row * columns + c;
        assertThat(taken[r * columns + c]).isEqualTo(values[at] % 2039);
      }
    }
  }

  @Test
  void aPartOfAPackedTensorKeepsItsValues() {
    Random random = new Random(5);
    byte[] codes = new byte[12 * 4];
    byte[] scales = new byte[12 * 2];
    random.nextBytes(codes);
    for (int i = 0; i < scales.length; i += 2) {
      scales[i + 1] = (byte) (0x30 + random.nextInt(8));
    }
    AffineTensor packed =
        new AffineTensor(
            new long[] {12, 8},
            4,
            8,
            ScaleFormat.FP16,
            MemorySegment.ofArray(codes),
            MemorySegment.ofArray(scales),
            null,
            null);
    Piece piece = new Piece(12, 1, 2, 6, 2, true);
    PackedTensor part = piece.ofPacked(packed, new long[] {4, 8});
    float[] all = packed.toFloats();
    int[] rows = {1, 2, 7, 8};
    for (int r = 0; r < 4; r++) {
      for (int c = 0; c < 8; c++) {
        assertThat(part.toFloats()[r * 8 + c]).isEqualTo(all[rows[r] * 8 + c]);
      }
    }
    assertThat(Piece.whole(12).ofPacked(packed, new long[] {12, 8})).isSameAs(packed);
  }
}
