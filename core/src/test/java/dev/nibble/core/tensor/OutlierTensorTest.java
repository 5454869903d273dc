package dev.nibble.core.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.core.rounding.RoundToNearest;
import dev.nibble.core.rounding.RoundingOptions;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.testing.PackedTensorContract;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import org.junit.jupiter.api.Test;

/** Every seventh value apart from 3-bit codes. */
class OutlierTensorTest extends PackedTensorContract {
  private static final QuantSpec SPEC = QuantSpec.parse("int3:g32:asym");

  private static boolean[] everySeventh(int count) {
    boolean[] out = new boolean[count];
    for (int i = 0; i < count; i += 7) {
      out[i] = true;
    }
    return out;
  }

  @Override
  protected PackedTensor pack(float[] values, long[] shape) {
    PackedTensor base = RoundToNearest.quantize(values, shape, SPEC, RoundingOptions.DEFAULT);
    return OutlierTensor.of(base, everySeventh(values.length), values);
  }

  @Override
  protected long expectedBytes(long rows, int columns) {
    return SPEC.packedBytes(rows, columns) + 4 * (rows + 1) + 4 * ((rows * columns + 6) / 7);
  }

  @Override
  protected String expectedTypeName() {
    return "int3:g32:asym+sparse";
  }

  @Test
  void listedValuesReplaceThoseOfTheBase() {
    float[] w = {1, -2, 300, .1f, 0, -70, 5, 6};
    boolean[] listed = {false, false, true, true, true, false, false, false};
    PackedTensor base =
        RoundToNearest.quantize(w, new long[] {2, 4}, SPEC, RoundingOptions.DEFAULT);
    OutlierTensor t = OutlierTensor.of(base, listed, w);
    assertThat(t.count()).isEqualTo(3);
    float[] out = t.toFloats();
    float[] plain = base.toFloats();
    assertThat(out[2]).isEqualTo(300f);
    assertThat(out[3]).isEqualTo(Float.float16ToFloat(Float.floatToFloat16(.1f)));
    assertThat(out[4]).isZero();
    for (int i : new int[] {0, 1, 5, 6, 7}) {
      assertThat(out[i]).isEqualTo(plain[i]);
    }
  }

  @Test
  void wideTensorsCountColumnsInInts() {
    float[] w = new float[70_000];
    w[69_999] = 2;
    boolean[] listed = new boolean[w.length];
    listed[69_999] = true;
    PackedTensor base =
        RoundToNearest.quantize(w, new long[] {1, w.length}, SPEC, RoundingOptions.DEFAULT);
    OutlierTensor t = OutlierTensor.of(base, listed, w);
    assertThat(t.columnIndex().byteSize()).isEqualTo(4);
    assertThat(t.column(0)).isEqualTo(69_999);
    assertThat(t.byteSize() - base.byteSize()).isEqualTo(OutlierTensor.sparseBytes(1, 70_000, 1));
  }

  @Test
  void damagedListsAreRefused() {
    PackedTensor base = DenseTensor.of(new float[8], 2, 4);
    MemorySegment two = halves(0, 0);
    assertThat(new OutlierTensor(base, ints(0, 1, 2), halves(3, 0), two).count()).isEqualTo(2);
    assertThatThrownBy(() -> new OutlierTensor(base, ints(0, 2, 2), halves(3, 1), two))
        .hasMessageContaining("row 0 lists column 1 after 3");
    assertThatThrownBy(() -> new OutlierTensor(base, ints(0, 1, 2), halves(4, 0), two))
        .hasMessageContaining("column 4");
    assertThatThrownBy(() -> new OutlierTensor(base, ints(0, 3, 2), halves(0, 1), two))
        .hasMessageContaining("row 1 begins at 3 of 2");
    assertThatThrownBy(() -> new OutlierTensor(base, ints(0, 1, 1), halves(0, 1), two))
        .hasMessageContaining("row 2 begins at 1 of 2");
    assertThatThrownBy(() -> new OutlierTensor(base, ints(0, 1), halves(0, 1), two))
        .hasMessageContaining("row_offsets");
    OutlierTensor inner = new OutlierTensor(base, ints(0, 1, 2), halves(3, 0), two);
    assertThatThrownBy(() -> new OutlierTensor(inner, ints(0, 1, 2), halves(3, 0), two))
        .hasMessageContaining("outliers already");
    assertThatThrownBy(
            () ->
                OutlierTensor.of(
                    base,
                    new boolean[] {true, false, false, false, false, false, false, false},
                    new float[] {1e6f, 0, 0, 0, 0, 0, 0, 0}))
        .hasMessageContaining("range of fp16");
  }

  private static MemorySegment ints(int... values) {
    MemorySegment out = MemorySegment.ofArray(new byte[4 * values.length]);
    for (int i = 0; i < values.length; i++) {
      out.set(ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN), 4L * i, values[i]);
    }
    return out;
  }

  private static MemorySegment halves(int... values) {
    MemorySegment out = MemorySegment.ofArray(new byte[2 * values.length]);
    for (int i = 0; i < values.length; i++) {
      out.set(ValueLayout.JAVA_BYTE, 2L * i, (byte) values[i]);
    }
    return out;
  }
}
