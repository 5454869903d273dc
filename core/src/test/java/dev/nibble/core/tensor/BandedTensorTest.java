package dev.nibble.core.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.core.rounding.RoundToNearest;
import dev.nibble.core.rounding.RoundingOptions;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.tensor.BandedTensor.Axis;
import dev.nibble.core.testing.PackedTensorContract;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

class BandedTensorTest {
  private static final QuantSpec WIDE = QuantSpec.parse("int8:channel:sym");
  private static final QuantSpec NARROW = QuantSpec.parse("int3:g32:asym");

  private static PackedTensor round(float[] values, long rows, long columns, QuantSpec spec) {
    return RoundToNearest.quantize(
        values, new long[] {rows, columns}, spec, RoundingOptions.DEFAULT);
  }

  private static float[] gather(float[] w, int columns, int[] rows, int[] of) {
    float[] out = new float[rows.length * of.length];
    for (int r = 0; r < rows.length; r++) {
      for (int c = 0; c < of.length; c++) {
        out[r * of.length + c] = w[rows[r] * columns + of[c]];
      }
    }
    return out;
  }

  private static int[] range(int from, int to) {
    return java.util.stream.IntStream.range(from, to).toArray();
  }

  /** Bands of rows in 8 and 3 bits, dealt out in turn: every second row is wide. */
  @Nested
  class RowBands extends PackedTensorContract {
    @Override
    protected PackedTensor pack(float[] values, long[] shape) {
      int columns = (int) shape[shape.length - 1];
      int rows = values.length / Math.max(1, columns);
      int[] order = alternating(rows);
      int wide = (rows + 1) / 2;
      List<PackedTensor> bands = new ArrayList<>();
      bands.add(
          round(
              gather(values, columns, first(order, wide), range(0, columns)), wide, columns, WIDE));
      bands.add(
          round(
              gather(values, columns, rest(order, wide), range(0, columns)),
              rows - wide,
              columns,
              NARROW));
      return BandedTensor.of(shape, Axis.ROWS, bands, 1, order);
    }

    @Override
    protected long expectedBytes(long rows, int columns) {
      long wide = (rows + 1) / 2;
      return WIDE.packedBytes(wide, columns)
          + NARROW.packedBytes(rows - wide, columns)
          + (rows > 2 ? 2 * rows : 0);
    }

    @Override
    protected String expectedTypeName() {
      return "rows(int8:channel:sym+int3:g32:asym)";
    }
  }

  /** Blocks of 32 columns in 3 bits and 8 bits in turn. */
  @Nested
  class ColumnBands extends PackedTensorContract {
    @Override
    protected List<long[]> shapes() {
      return List.of(
          new long[] {7, 300}, new long[] {5, 33}, new long[] {2, 3, 64}, new long[] {40});
    }

    @Override
    protected PackedTensor pack(float[] values, long[] shape) {
      int columns = (int) shape[shape.length - 1];
      int rows = values.length / columns;
      int[] order = alternating(Math.ceilDiv(columns, 32));
      int[] places = places(order, columns);
      int narrow = narrow(columns);
      List<PackedTensor> bands =
          List.of(
              round(
                  gather(values, columns, range(0, rows), first(places, narrow)),
                  rows,
                  narrow,
                  NARROW),
              round(
                  gather(values, columns, range(0, rows), rest(places, narrow)),
                  rows,
                  columns - narrow,
                  WIDE));
      return BandedTensor.of(shape, Axis.COLUMNS, bands, 32, order);
    }

    private int narrow(int columns) {
      int count = 0;
      for (int c = 0; c < columns; c++) {
        count += c / 32 % 2 == 0 ? 1 : 0;
      }
      return count;
    }

    @Override
    protected long expectedBytes(long rows, int columns) {
      int narrow = narrow(columns);
      int units = Math.ceilDiv(columns, 32);
      return NARROW.packedBytes(rows, narrow)
          + WIDE.packedBytes(rows, columns - narrow)
          + (units > 2 ? 2L * units : 0);
    }

    @Override
    protected String expectedTypeName() {
      return "columns(int3:g32:asym+int8:channel:sym)";
    }

    @Test
    void everyColumnHasThePrecisionOfItsBlock() {
      float[] values = new float[3 * 100];
      for (int i = 0; i < values.length; i++) {
        values[i] = (float) Math.sin(i);
      }
      float[] stored = pack(values, new long[] {3, 100}).toFloats();
      for (int i = 0; i < values.length; i++) {
        boolean narrow = i % 100 / 32 % 2 == 0;
        assertThat(Math.abs(stored[i] - values[i])).isLessThan(narrow ? 0.15f : 0.005f);
      }
    }
  }

  private static int[] alternating(int units) {
    int[] order = new int[units];
    int at = 0;
    for (int start = 0; start < 2; start++) {
      for (int u = start; u < units; u += 2) {
        order[at++] = u;
      }
    }
    return order;
  }

  private static int[] places(int[] order, int columns) {
    int[] out = new int[columns];
    int at = 0;
    for (int u : order) {
      for (int c = u * 32; c < Math.min(columns, u * 32 + 32); c++) {
        out[at++] = c;
      }
    }
    return out;
  }

  private static int[] first(int[] all, int n) {
    return java.util.Arrays.copyOf(all, n);
  }

  private static int[] rest(int[] all, int n) {
    return java.util.Arrays.copyOfRange(all, n, all.length);
  }

  @Test
  void theNaturalOrderIsNotStored() {
    PackedTensor band = DenseTensor.of(new float[6], 3, 2);
    BandedTensor t =
        BandedTensor.of(
            new long[] {6, 2}, Axis.ROWS, List.of(band, band), 1, new int[] {0, 1, 2, 3, 4, 5});
    assertThat(t.order()).isNull();
    assertThat(t.byteSize()).isEqualTo(48);
    assertThat(t.positions()).containsExactly(0, 1, 2, 3, 4, 5);
  }

  @Test
  void moreUnitsThanShortsCountAreStoredAsInts() {
    int rows = 70_000;
    PackedTensor band = DenseTensor.of(new float[rows], rows, 1);
    int[] order = range(0, rows);
    order[0] = rows - 1;
    order[rows - 1] = 0;
    BandedTensor t = BandedTensor.of(new long[] {rows, 1}, Axis.ROWS, List.of(band), 1, order);
    assertThat(t.order().byteSize()).isEqualTo(4L * rows);
    assertThat(t.positions()).isEqualTo(order);
  }

  @Test
  void bandsThatDoNotMakeUpTheMatrixAreRefused() {
    PackedTensor band = DenseTensor.of(new float[6], 3, 2);
    PackedTensor nested =
        BandedTensor.of(new long[] {3, 2}, Axis.ROWS, List.of(band), 1, new int[] {0, 1, 2});
    long[] shape = {6, 2};
    assertThatThrownBy(() -> BandedTensor.of(shape, Axis.ROWS, List.of(band), 1, range(0, 6)))
        .hasMessageContaining("do not make up 6");
    assertThatThrownBy(
            () -> BandedTensor.of(shape, Axis.COLUMNS, List.of(band, band), 1, range(0, 2)))
        .hasMessageContaining("is no band of columns of 6 x 2");
    assertThatThrownBy(
            () -> BandedTensor.of(shape, Axis.ROWS, List.of(band, nested), 1, range(0, 6)))
        .hasMessageContaining("is no band");
    assertThatThrownBy(
            () ->
                BandedTensor.of(
                    shape, Axis.ROWS, List.of(band, band), 1, new int[] {0, 1, 2, 3, 4, 4}))
        .hasMessageContaining("no permutation: place 5 holds unit 4");
    assertThatThrownBy(
            () -> BandedTensor.of(shape, Axis.ROWS, List.of(band, band), 2, new int[] {2, 1}))
        .hasMessageContaining("order");
  }
}
