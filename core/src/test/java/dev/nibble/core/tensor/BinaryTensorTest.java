package dev.nibble.core.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.core.rounding.BinaryGrid;
import dev.nibble.core.spec.ScaleFormat;
import dev.nibble.core.testing.PackedTensorContract;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

class BinaryTensorTest {
  private static final int BLOCK = 16;

  private static long blocks(int columns) {
    return Math.ceilDiv(columns, BLOCK);
  }

  private static long plane(int columns) {
    return Math.ceilDiv(columns, 32) * 4L;
  }

  @Nested
  class OneBit extends PackedTensorContract {
    @Override
    protected PackedTensor pack(float[] values, long[] shape) {
      int columns = (int) shape[shape.length - 1];
      int rows = values.length / columns;
      byte[] signs = new byte[values.length];
      float[] scalars = new float[Math.toIntExact(rows * blocks(columns) * 2)];
      int at = 0;
      for (int r = 0; r < rows; r++) {
        for (int c = 0; c < columns; c += BLOCK) {
          int from = r * columns + c;
          int to = r * columns + Math.min(columns, c + BLOCK);
          BinaryGrid grid = BinaryGrid.fit(values, from, to, true, ScaleFormat.FP16);
          scalars[at++] = grid.mean();
          scalars[at++] = grid.magnitude();
          for (int i = from; i < to; i++) {
            signs[i] = (byte) grid.code(values[i]);
          }
        }
      }
      return BinaryPacker.pack(shape, BLOCK, true, ScaleFormat.FP16, signs, scalars);
    }

    @Override
    protected long expectedBytes(long rows, int columns) {
      return rows * (plane(columns) + blocks(columns) * 4);
    }

    @Override
    protected String expectedTypeName() {
      return "binary:g16:mean";
    }
  }

  /** Every third column salient, large weights in the second group. */
  @Nested
  class TwoBits extends PackedTensorContract {
    @Override
    protected PackedTensor pack(float[] values, long[] shape) {
      int columns = (int) shape[shape.length - 1];
      int rows = values.length / columns;
      byte[] codes = new byte[values.length];
      boolean[] salient = new boolean[columns];
      float[] scalars = new float[Math.toIntExact(rows * blocks(columns) * 4)];
      float[] like = {0.4f, 1.5f, 0.8f, 0.5f};
      for (int i = 0; i < scalars.length; i++) {
        scalars[i] = ScaleFormat.BF16.round(like[i % 4]);
      }
      for (int i = 0; i < values.length; i++) {
        salient[i % columns] = i % columns % 3 == 0;
        int sign = values[i] >= 0 ? 1 : 0;
        boolean far = Math.abs(values[i]) > 0.8;
        boolean second = salient[i % columns] ? far == (sign == 1) : far;
        codes[i] = (byte) (sign + (second ? 2 : 0));
      }
      return BinaryPacker.pack(shape, BLOCK, false, ScaleFormat.BF16, codes, salient, scalars);
    }

    @Override
    protected long expectedBytes(long rows, int columns) {
      return rows * (2 * plane(columns) + blocks(columns) * 8) + plane(columns);
    }

    @Override
    protected String expectedTypeName() {
      return "residual-binary:g16:bf16";
    }
  }

  @Test
  void everyBitCountsAsTheLayoutSays() {
    float[] scalars = {0.25f, 1f, -0.5f, 3f, 0.125f, 2f, 0.5f};
    byte[] codes = {0, 1, 2, 3, 0, 1, 2, 3};
    boolean[] salient = {false, false, false, false, true, true, true, true};
    BinaryTensor t =
        BinaryPacker.pack(new long[] {1, 8}, 8, true, ScaleFormat.FP16, codes, salient, scalars);
    assertThat(t.toFloats())
        .containsExactly(
            -0.75f, 1.25f, -3.5f, 2.5f, 0.125f - 2.5f, 0.125f + 1.5f, 0.125f - 1.5f, 2.625f);
    assertThat(t.signs().get(java.lang.foreign.ValueLayout.JAVA_BYTE, 0) & 0xff).isEqualTo(0xaa);
    assertThat(t.seconds().get(java.lang.foreign.ValueLayout.JAVA_BYTE, 0) & 0xff).isEqualTo(0xcc);
    assertThat(t.salient().get(java.lang.foreign.ValueLayout.JAVA_BYTE, 0) & 0xff).isEqualTo(0xf0);
    assertThat(t.byteSize()).isEqualTo(3 * 4 + 7 * 2);
  }

  @Test
  void aConstantBlockIsExactAndAnEmptyOneZero() {
    float[] w = {0.75f, 0.75f, 0.75f};
    BinaryGrid grid = BinaryGrid.fit(w, 0, 3, true, ScaleFormat.FP16);
    assertThat(grid).isEqualTo(new BinaryGrid(0.75f, 0f));
    assertThat(grid.value(grid.code(0.75f))).isEqualTo(0.75f);
    assertThat(BinaryGrid.fit(w, 1, 1, true, ScaleFormat.FP16)).isEqualTo(BinaryGrid.EMPTY);
    assertThat(BinaryGrid.fit(new float[4], 0, 4, false, ScaleFormat.FP16).value(1)).isZero();
  }

  @Test
  void wrongSizesAreRefused() {
    MemorySegment four = MemorySegment.ofArray(new byte[4]);
    long[] shape = {1, 8};
    assertThatThrownBy(
            () ->
                new BinaryTensor(
                    shape, 8, true, ScaleFormat.FP16, four, null, null, four.asSlice(0, 2)))
        .hasMessageContaining("scalars");
    assertThatThrownBy(
            () -> new BinaryTensor(shape, 8, true, ScaleFormat.FP16, four, four, null, four))
        .hasMessageContaining("salient");
    assertThatThrownBy(
            () -> new BinaryTensor(shape, 8, true, ScaleFormat.E4M3, four, null, null, four))
        .hasMessageContaining("16 or 32 bits");
  }
}
