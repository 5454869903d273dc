package dev.nibble.core.tensor;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.core.ggml.GgmlEncoder;
import dev.nibble.core.ggml.GgmlType;
import dev.nibble.core.rounding.RoundToNearest;
import dev.nibble.core.rounding.RoundingOptions;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.testing.PackedTensorContract;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

class PackedTensorTest {

  @Nested
  class Float32 extends PackedTensorContract {
    @Override
    protected PackedTensor pack(float[] values, long[] shape) {
      return DenseTensor.of(values, shape);
    }

    @Override
    protected long expectedBytes(long rows, int columns) {
      return 4 * rows * columns;
    }

    @Override
    protected String expectedTypeName() {
      return "f32";
    }
  }

  @Nested
  class BrainFloat extends PackedTensorContract {
    @Override
    protected PackedTensor pack(float[] values, long[] shape) {
      return DenseTensor.rounded(values, DType.BF16, shape);
    }

    @Override
    protected long expectedBytes(long rows, int columns) {
      return 2 * rows * columns;
    }

    @Override
    protected String expectedTypeName() {
      return "bf16";
    }
  }

  /** Tensors packed by rounding to nearest. */
  abstract static class Rounded extends PackedTensorContract {
    private final QuantSpec spec;

    Rounded(String spec) {
      this.spec = QuantSpec.parse(spec);
    }

    @Override
    protected PackedTensor pack(float[] values, long[] shape) {
      return RoundToNearest.quantize(values, shape, spec, RoundingOptions.DEFAULT);
    }

    @Override
    protected long expectedBytes(long rows, int columns) {
      return spec.packedBytes(rows, columns);
    }

    @Override
    protected String expectedTypeName() {
      return spec.text();
    }
  }

  @Nested
  class Int4Groups extends Rounded {
    Int4Groups() {
      super("int4:g64:asym");
    }
  }

  @Nested
  class Int3Channels extends Rounded {
    Int3Channels() {
      super("int3:channel:sym:bf16");
    }
  }

  @Nested
  class Int5Tensor extends Rounded {
    Int5Tensor() {
      super("int5:tensor:asym:fp32");
    }
  }

  @Nested
  class Int8Blocks extends Rounded {
    Int8Blocks() {
      super("int8:g32:sym:e8m0");
    }
  }

  @Nested
  class Int1Groups extends Rounded {
    Int1Groups() {
      super("int1:g16:asym");
    }
  }

  @Nested
  class NormalFloat4 extends Rounded {
    NormalFloat4() {
      super("nf4:g64");
    }
  }

  @Nested
  class NormalFloat3Channels extends Rounded {
    NormalFloat3Channels() {
      super("nf3:channel:fp32");
    }
  }

  @Nested
  class MxFp4 extends Rounded {
    MxFp4() {
      super("mxfp4");
    }
  }

  @Nested
  class MxFp8 extends Rounded {
    MxFp8() {
      super("mxfp8-e4m3");
    }
  }

  @Nested
  class NvFp4 extends Rounded {
    NvFp4() {
      super("nvfp4");
    }
  }

  @Nested
  class Binary extends Rounded {
    Binary() {
      super("binary:g32");
    }
  }

  @Nested
  class Ternary extends Rounded {
    Ternary() {
      super("ternary:g32");
    }
  }

  @Nested
  class Reordered extends Rounded {
    Reordered() {
      super("int4:g64:asym");
    }

    /** Columns dealt out to the groups in turn, as after solving in another order. */
    @Override
    protected PackedTensor pack(float[] values, long[] shape) {
      AffineTensor t = (AffineTensor) super.pack(values, shape);
      int[] index = new int[t.columns()];
      for (int c = 0; c < index.length; c++) {
        index[c] = c % t.groupsPerRow();
      }
      byte[] codes = new byte[values.length];
      for (int i = 0; i < codes.length; i++) {
        int row = i / index.length;
        int column = i % index.length;
        int group = index[column];
        double code = values[i] / t.scale(row, group) + t.zero(row, group);
        codes[i] = (byte) Math.clamp(Math.round(code), 0, 15);
      }
      int count = Math.toIntExact(t.rows()) * t.groupsPerRow();
      float[] scales = new float[count];
      int[] zeros = new int[count];
      for (int i = 0; i < count; i++) {
        scales[i] = t.scale(i / t.groupsPerRow(), i % t.groupsPerRow());
        zeros[i] = t.zero(i / t.groupsPerRow(), i % t.groupsPerRow());
      }
      return AffinePacker.pack(
          shape, QuantSpec.parse("int4:g64:asym"), codes, scales, zeros, index);
    }

    @Override
    protected long expectedBytes(long rows, int columns) {
      return super.expectedBytes(rows, columns) + 4L * columns;
    }
  }

  @Nested
  class Ggml extends PackedTensorContract {
    @Override
    protected List<long[]> shapes() {
      return List.of(new long[] {3, 64}, new long[] {2, 2, 32}, new long[] {96});
    }

    @Override
    protected PackedTensor pack(float[] values, long[] shape) {
      int columns = (int) shape[shape.length - 1];
      int rows = values.length / columns;
      byte[] blocks = GgmlEncoder.encode(GgmlType.Q4_0, values, 0, rows, columns, null, "test");
      return new GgmlTensor(shape, GgmlType.Q4_0, MemorySegment.ofArray(blocks));
    }

    @Override
    protected long expectedBytes(long rows, int columns) {
      return rows * columns / 32 * 18;
    }

    @Override
    protected String expectedTypeName() {
      return "q4_0";
    }
  }

  @Test
  void sizesThatContradictTheLayoutAreRefused() {
    assertThatThrownBy(
            () ->
                new TableTensor(
                    new long[] {2, 8},
                    "nf4",
                    new float[16],
                    4,
                    8,
                    dev.nibble.core.spec.ScaleFormat.FP16,
                    MemorySegment.ofArray(new byte[8]),
                    MemorySegment.ofArray(new byte[2])))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("scales")
        .hasMessageContaining("4 bytes, not 2");
  }

  @Test
  void columnsOfNoGroupAreRefused() {
    int[] index = {0, 1, 2, 0};
    assertThatThrownBy(
            () ->
                AffinePacker.pack(
                    new long[] {1, 4},
                    QuantSpec.parse("int4:g2:sym"),
                    new byte[4],
                    new float[] {1f, 1f},
                    null,
                    index))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("column 2 is 2");
  }
}
