package dev.nibble.core.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.core.ggml.GgmlEncoder;
import dev.nibble.core.ggml.GgmlType;
import dev.nibble.core.rounding.RoundToNearest;
import dev.nibble.core.rounding.RoundingOptions;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.testing.PackedTensorContract;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
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

  /** Codewords and codes at hand for any values: random words, codes by the nearest first value. */
  abstract static class Codebooks extends PackedTensorContract {
    private final CodebookLayout layout;

    Codebooks(CodebookLayout layout) {
      this.layout = layout;
    }

    @Override
    protected PackedTensor pack(float[] values, long[] shape) {
      int columns = (int) shape[shape.length - 1];
      int rows = columns == 0 ? 0 : values.length / columns;
      Random random = new Random(4);
      float[] words = new float[(int) layout.elements()];
      for (int i = 0; i < words.length; i++) {
        words[i] = (float) random.nextGaussian() / layout.codebooks();
      }
      int[] classes = new int[rows];
      float[] scales = new float[(int) layout.scaleCount(rows)];
      Arrays.fill(scales, 0.8f);
      int[] codes = new int[rows * layout.codes(columns)];
      for (int r = 0; r < rows; r++) {
        classes[r] = r % layout.rowGroups();
        for (int j = 0; j < layout.groups(columns); j++) {
          nearest(values, r * columns, j, columns, words, classes[r], codes, r);
        }
      }
      return CodebookPacker.pack(shape, layout, codes, words, scales, classes);
    }

    /** Chooses the code of each codebook in turn for what is left of a group. */
    private void nearest(
        float[] values, int row, int j, int columns, float[] words, int set, int[] codes, int r) {
      int g = layout.groupSize();
      int width = Math.min(g, columns - j * g);
      float[] left = Arrays.copyOfRange(values, row + j * g, row + j * g + width);
      int book = layout.codewords() * g;
      int base = layout.multi() ? set * layout.codebooks() * book : 0;
      for (int m = 0; m < layout.codebooks(); m++, base += book) {
        double best = Double.MAX_VALUE;
        int code = 0;
        for (int c = 0; c < layout.codewords(); c++) {
          double error = 0;
          for (int i = 0; i < width; i++) {
            error += Math.pow(left[i] - 0.8 * words[base + c * g + i], 2);
          }
          code = error < best ? c : code;
          best = Math.min(best, error);
        }
        codes[(r * layout.groups(columns) + j) * layout.codebooks() + m] = code;
        for (int i = 0; i < width; i++) {
          left[i] -= 0.8f * words[base + code * g + i];
        }
      }
    }

    @Override
    protected long expectedBytes(long rows, int columns) {
      long codeBits =
          (columns + layout.groupSize() - 1)
              / layout.groupSize()
              * (long) layout.codebooks()
              * layout.bits();
      long words =
          2L * layout.sets() * layout.codebooks() * (1L << layout.bits()) * layout.groupSize();
      long scales =
          switch (layout.scales()) {
            case NONE -> 0;
            case ROW -> rows;
            case GROUP -> layout.rowGroups();
          };
      long classBits = rows * (long) Math.ceil(Math.log(layout.rowGroups()) / Math.log(2));
      return rows * ((codeBits + 31) / 32 * 4) + words + 2 * scales + (classBits + 31) / 32 * 4;
    }

    @Override
    protected String expectedTypeName() {
      return layout.text();
    }
  }

  @Nested
  class Additive extends Codebooks {
    Additive() {
      super(CodebookLayout.additive(2, 6, 4));
    }
  }

  @Nested
  class LongCodes extends Codebooks {
    LongCodes() {
      super(CodebookLayout.additive(1, 11, 8));
    }
  }

  @Nested
  class CodebookPerClass extends Codebooks {
    CodebookPerClass() {
      super(new CodebookLayout(1, 3, 1, 5, true, CodebookLayout.Scales.NONE));
    }
  }

  @Nested
  class ScalePerClass extends Codebooks {
    ScalePerClass() {
      super(new CodebookLayout(1, 4, 1, 3, false, CodebookLayout.Scales.GROUP));
    }
  }

  @Test
  void codebookNamesSayWhatIsStored() {
    assertThat(CodebookLayout.additive(2, 8, 8).text()).isEqualTo("codebook2x8:g8");
    assertThat(new CodebookLayout(1, 3, 1, 5, true, CodebookLayout.Scales.NONE).text())
        .isEqualTo("codebook1x3:g1:multi5");
    assertThat(new CodebookLayout(1, 3, 1, 5, false, CodebookLayout.Scales.GROUP).text())
        .isEqualTo("codebook1x3:g1:scaled5");
  }

  /** Sheet 31a: 4096 x 4096 with 2x8 g8 is 2.01 bits, with 1x16 g8 2.50. */
  @Test
  void codebooksAreCountedInBitsPerWeight() {
    double weights = 4096.0 * 4096;
    assertThat(8 * CodebookLayout.additive(2, 8, 8).bytes(4096, 4096) / weights)
        .isBetween(2.0075, 2.0085);
    assertThat(8 * CodebookLayout.additive(1, 16, 8).bytes(4096, 4096) / weights)
        .isBetween(2.503, 2.505);
  }

  /** Sheet 40: several codebooks with one class of rows decode as the single codebook does. */
  @Test
  void oneClassOfRowsIsTheSingleCodebook() {
    float[] words = {-1f, 0f, 0.25f, 2f};
    int[] codes = {0, 1, 2, 3, 3, 1};
    long[] shape = {2, 3};
    CodebookLayout.Scales none = CodebookLayout.Scales.NONE;
    PackedTensor multi =
        CodebookPacker.pack(
            shape, new CodebookLayout(1, 2, 1, 1, true, none), codes, words, new float[0], null);
    PackedTensor single =
        CodebookPacker.pack(
            shape, new CodebookLayout(1, 2, 1, 1, false, none), codes, words, new float[0], null);
    assertThat(multi.toFloats()).isEqualTo(single.toFloats());
    assertThat(multi.byteSize()).isEqualTo(single.byteSize());
    assertThat(single.toFloats()).containsExactly(-1f, 0f, 0.25f, 2f, 2f, 0f);
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
