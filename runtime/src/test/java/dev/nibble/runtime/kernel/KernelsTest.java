package dev.nibble.runtime.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.core.ggml.GgmlEncoder;
import dev.nibble.core.ggml.GgmlType;
import dev.nibble.core.rounding.RoundToNearest;
import dev.nibble.core.rounding.RoundingOptions;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.spec.ScaleFormat;
import dev.nibble.core.tensor.BandedTensor;
import dev.nibble.core.tensor.BandedTensor.Axis;
import dev.nibble.core.tensor.BinaryPacker;
import dev.nibble.core.tensor.BinaryTensor;
import dev.nibble.core.tensor.CodebookLayout;
import dev.nibble.core.tensor.CodebookPacker;
import dev.nibble.core.tensor.CodebookTensor;
import dev.nibble.core.tensor.DType;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.core.tensor.GgmlTensor;
import dev.nibble.core.tensor.PackedTensor;
import java.lang.foreign.MemorySegment;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class KernelsTest {
  private static final Set<GgmlType> BLOCKS =
      EnumSet.of(
          GgmlType.Q4_0,
          GgmlType.Q4_1,
          GgmlType.Q5_0,
          GgmlType.Q5_1,
          GgmlType.Q8_0,
          GgmlType.Q2_K,
          GgmlType.Q3_K,
          GgmlType.Q4_K,
          GgmlType.Q5_K,
          GgmlType.Q6_K);

  static Stream<PackedTensor> weights() {
    Stream.Builder<PackedTensor> all = Stream.builder();
    Random random = new Random(5);
    for (int[] shape : new int[][] {{1, 1}, {7, 33}, {40, 64}, {33, 172}, {70, 600}}) {
      for (DType type : new DType[] {DType.F32, DType.F16, DType.BF16}) {
        all.add(
            DenseTensor.rounded(gaussian(random, shape[0] * shape[1]), type, shape[0], shape[1]));
      }
    }
    for (int[] shape : new int[][] {{1, 8}, {40, 64}, {33, 172}, {9, 1030}, {3, 512}}) {
      for (String spec :
          new String[] {
            "int2:g32:asym",
            "int2:channel:sym",
            "int3:g64:asym",
            "int3:channel:sym",
            "int3:tensor:asym",
            "int3:g20:asym",
            "int5:g16:asym",
            "int6:g32:sym:bf16",
            "int7:g128:asym",
            "nf4:g64",
            "nf4:channel",
            "fp4:g48",
            "mxfp4",
            "nvfp4",
            "int4:g32:asym",
            "int4:g64:sym",
            "int4:g128:asym",
            "int4:channel:asym",
            "int4:tensor:sym",
            "int4:g20:asym",
            "int8:g128:sym",
            "int8:channel",
            "int8:g64:asym:fp32"
          }) {
        all.add(
            RoundToNearest.quantize(
                gaussian(random, shape[0] * shape[1]),
                new long[] {shape[0], shape[1]},
                QuantSpec.parse(spec),
                RoundingOptions.DEFAULT));
      }
    }
    codebooks(random, all);
    OutlierSamples.add(random, all);
    blocks(random, all);
    bands(random, all);
    for (int[] shape : new int[][] {{1, 1}, {7, 33}, {40, 64}, {33, 172}, {9, 600}}) {
      for (int block : new int[] {16, 128, 20, 4096}) {
        all.add(binary(random, shape[0], shape[1], block, true));
        all.add(binary(random, shape[0], shape[1], block, false));
      }
    }
    return all.build();
  }

  /** Bands of several types, in their natural order and in another. */
  private static void bands(Random random, Stream.Builder<PackedTensor> all) {
    for (int rows : new int[] {2, 37, 70}) {
      int narrow = rows / 2;
      List<PackedTensor> bands =
          List.of(
              rounded(random, narrow, 300, "int3:g64:asym"),
              rounded(random, 0, 300, "nf4:g64"),
              DenseTensor.rounded(
                  gaussian(random, (rows - narrow) * 300), DType.F16, rows - narrow, 300));
      long[] shape = {rows, 300};
      all.add(BandedTensor.of(shape, Axis.ROWS, bands, 1, shuffled(random, rows, 1)));
      all.add(BandedTensor.of(shape, Axis.ROWS, bands, 1, shuffled(random, 0, rows)));
      List<PackedTensor> columns =
          List.of(
              rounded(random, rows, 96, "int2:g16:asym"),
              rounded(random, rows, 160, "int3:g16:asym"),
              rounded(random, rows, 44, "int4:g16:asym"));
      all.add(BandedTensor.of(shape, Axis.COLUMNS, columns, 16, shuffled(random, 18, 19)));
      all.add(BandedTensor.of(shape, Axis.COLUMNS, columns, 1, shuffled(random, 0, 300)));
    }
  }

  /** Random bits, all of them or signs alone. */
  private static PackedTensor binary(
      Random random, int rows, int columns, int block, boolean residual) {
    byte[] codes = new byte[rows * columns];
    random.nextBytes(codes);
    for (int i = 0; i < codes.length; i++) {
      codes[i] &= 3;
    }
    boolean[] salient = new boolean[columns];
    for (int c = 0; c < columns; c++) {
      salient[c] = random.nextInt(4) == 0;
    }
    float[] scalars =
        gaussian(
            random, rows * Math.ceilDiv(columns, block) * BinaryTensor.scalarCount(residual, true));
    long[] shape = {rows, columns};
    return residual
        ? BinaryPacker.pack(shape, block, true, ScaleFormat.FP32, codes, salient, scalars)
        : BinaryPacker.pack(shape, block, true, ScaleFormat.FP32, codes, scalars);
  }

  @Test
  void binaryWeightsRunInVectors() {
    PackedTensor weight = binary(new Random(1), 4, 256, 128, true);
    assertThat(KernelSet.standard().bind(weight).kernel()).isEqualTo("binary-levels");
  }

  static PackedTensor rounded(Random random, int rows, int columns, String spec) {
    return RoundToNearest.quantize(
        gaussian(random, rows * columns),
        new long[] {rows, columns},
        QuantSpec.parse(spec),
        RoundingOptions.DEFAULT);
  }

  /** The first {@code mixed} of {@code count} numbers in random order, the others in place. */
  private static int[] shuffled(Random random, int mixed, int count) {
    int[] order = new int[Math.max(mixed, count)];
    for (int i = 0; i < order.length; i++) {
      order[i] = i;
      int other = i < mixed ? random.nextInt(i + 1) : i;
      order[i] = order[other];
      order[other] = i;
    }
    return order;
  }

  @Test
  void bandsRunOnTheKernelsOfTheirTypes() {
    Random random = new Random(2);
    List<PackedTensor> bands =
        List.of(
            rounded(random, 3, 256, "int4:g64:asym"),
            rounded(random, 3, 64, "int3:g64:asym"),
            rounded(random, 3, 64, "int4:g64:asym"));
    PackedTensor weight =
        BandedTensor.of(new long[] {3, 384}, Axis.COLUMNS, bands, 64, new int[] {0, 1, 2, 3, 4, 5});
    assertThat(KernelSet.standard().bind(weight).kernel()).isEqualTo("affine4-words+affine-stream");
  }

  /** One to eight codebooks, short and long codes, classes of rows, groups that are cut. */
  private static void codebooks(Random random, Stream.Builder<PackedTensor> all) {
    CodebookLayout.Scales row = CodebookLayout.Scales.ROW;
    CodebookLayout.Scales none = CodebookLayout.Scales.NONE;
    CodebookLayout.Scales group = CodebookLayout.Scales.GROUP;
    for (CodebookLayout layout :
        List.of(
            CodebookLayout.additive(1, 5, 8),
            CodebookLayout.additive(2, 4, 8),
            CodebookLayout.additive(4, 3, 16),
            CodebookLayout.additive(8, 2, 8),
            CodebookLayout.additive(1, 8, 5),
            CodebookLayout.additive(3, 11, 8),
            new CodebookLayout(1, 3, 1, 5, true, none),
            new CodebookLayout(1, 2, 1, 3, false, group),
            new CodebookLayout(1, 6, 1, 2, true, row),
            new CodebookLayout(2, 3, 4, 2, true, none))) {
      for (int[] shape : new int[][] {{70, 600}, {33, 172}, {41, 7}, {5, 4111}}) {
        all.add(codebook(random, layout, shape[0], shape[1]));
      }
    }
  }

  private static CodebookTensor codebook(
      Random random, CodebookLayout layout, int rows, int columns) {
    int[] codes = random.ints((long) rows * layout.codes(columns), 0, layout.codewords()).toArray();
    int[] classes = random.ints(rows, 0, layout.rowGroups()).toArray();
    return CodebookPacker.pack(
        new long[] {rows, columns},
        layout,
        codes,
        gaussian(random, (int) layout.elements()),
        gaussian(random, (int) layout.scaleCount(rows)),
        classes);
  }

  @Test
  void productsAreTabledWhereThatPays() {
    Random random = new Random(1);
    CodebookLayout two = CodebookLayout.additive(2, 4, 8);
    assertThat(KernelSet.standard().bind(codebook(random, two, 32, 64)).kernel())
        .isEqualTo("codebook-tables");
    assertThat(KernelSet.standard().bind(codebook(random, two, 31, 64)).kernel())
        .isEqualTo("codebook-rows");
    CodebookLayout levels = new CodebookLayout(1, 3, 1, 4, true, CodebookLayout.Scales.NONE);
    assertThat(KernelSet.standard().bind(codebook(random, levels, 9, 64)).kernel())
        .isEqualTo("codebook-levels");
  }

  /** Every block type, with rows of an odd number of blocks and of more than one stretch. */
  private static void blocks(Random random, Stream.Builder<PackedTensor> all) {
    for (GgmlType type : BLOCKS) {
      for (int blocks : new int[] {1, 3, 2 * Scratch.STRETCH / type.blockElements() + 1}) {
        int rows = blocks == 3 ? 37 : 2;
        int columns = blocks * type.blockElements();
        byte[] data =
            GgmlEncoder.encode(
                type, gaussian(random, rows * columns), 0, rows, columns, null, "random");
        all.add(new GgmlTensor(new long[] {rows, columns}, type, MemorySegment.ofArray(data)));
      }
      // codes and scales that no encoder would choose
      byte[] data = new byte[5 * 3 * type.blockBytes()];
      random.nextBytes(data);
      clearScales(data, type);
      long[] shape = {5, 3L * type.blockElements()};
      all.add(new GgmlTensor(shape, type, MemorySegment.ofArray(data)));
    }
  }

  /** Takes the top two exponent bits of every half that may be a scale: no infinities. */
  private static void clearScales(byte[] data, GgmlType type) {
    for (int b = 0; b < data.length; b += type.blockBytes()) {
      for (int at : new int[] {1, 3, type.blockBytes() - 1, type.blockBytes() - 3}) {
        data[b + at] &= (byte) 0x9f;
      }
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = GgmlType.class,
      names = {"Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K"})
  void blocksOfCodesRunInVectors(GgmlType type) {
    PackedTensor weight =
        new GgmlTensor(
            new long[] {1, 256},
            type,
            MemorySegment.ofArray(new byte[Math.toIntExact(type.rowBytes(256))]));
    assertThat(KernelSet.standard().bind(weight).kernel())
        .isEqualTo(type.name().toLowerCase(Locale.ROOT) + "-blocks");
  }

  @ParameterizedTest
  @CsvSource({
    "int3:g128:asym, affine3-stream",
    "int5:g64:sym, affine5-stream",
    "int6:channel:sym, affine6-stream",
    "nf4:g64, table4-stream",
    "mxfp4, table4-stream",
    "nvfp4, table4-stream"
  })
  void otherCodesRunAsStreams(String spec, String kernel) {
    PackedTensor weight =
        RoundToNearest.quantize(
            gaussian(new Random(1), 2048),
            new long[] {4, 512},
            QuantSpec.parse(spec),
            RoundingOptions.DEFAULT);
    assertThat(KernelSet.standard().bind(weight).kernel()).isEqualTo(kernel);
  }

  @Test
  void affineCodesRunInWords() {
    PackedTensor weight =
        RoundToNearest.quantize(
            gaussian(new Random(1), 2048),
            new long[] {4, 512},
            QuantSpec.parse("int4:g128:asym"),
            RoundingOptions.DEFAULT);
    assertThat(KernelSet.standard().choose(weight).name()).isEqualTo("affine4-words");
  }

  static float[] gaussian(Random random, int n) {
    float[] x = new float[n];
    for (int i = 0; i < n; i++) {
      x[i] = (float) random.nextGaussian();
    }
    return x;
  }

  @ParameterizedTest
  @MethodSource("weights")
  void everyKernelAgreesWithTheScalarReference(PackedTensor weight) {
    Matrix matrix = KernelSet.standard().bind(weight);
    int rows = matrix.rows();
    int columns = matrix.columns();
    Random random = new Random(rows * 31L + columns);
    float[] reference = weight.toFloats();
    try (Team team = new Team(2)) {
      Products products = new Products(team, columns);
      float[] decoded = new float[Lanes.PANEL * columns];
      for (int r = 0; r < rows; r += Lanes.PANEL) {
        int to = Math.min(rows, r + Lanes.PANEL);
        matrix.decode(r, to, decoded, 0, new Scratch(columns));
        for (int i = 0; i < (to - r) * columns; i++) {
          assertThat(decoded[i]).isEqualTo(reference[r * columns + i]);
        }
      }
      for (int tokens : new int[] {1, 2, 3, 7, 20}) {
        float[] x = gaussian(random, tokens * columns + 3);
        float[] bias = gaussian(random, rows);
        float[] y = new float[tokens * rows + 2];
        products.multiply(matrix, bias, x, 3, columns, tokens, y, 2, rows);
        for (int t = 0; t < tokens; t++) {
          for (int r = 0; r < rows; r++) {
            double sum = bias[r];
            double size = Math.abs(bias[r]);
            for (int c = 0; c < columns; c++) {
              double term = (double) reference[r * columns + c] * x[3 + t * columns + c];
              sum += term;
              size += Math.abs(term);
            }
            assertThat(Math.abs(y[2 + t * rows + r] - sum)).isLessThan(2e-6 * size + 1e-12);
          }
        }
      }
    }
  }

  /** Evaluation promises equal bits from run to run, whenever the compiler steps in. */
  @Test
  void interpretedAndCompiledSumsAreTheSame() {
    Random random = new Random(3);
    float[] w = gaussian(random, 700);
    float[] x = gaussian(random, 700);
    int first = Float.floatToRawIntBits(Dots.floats(w, 0, x, 700));
    for (int i = 0; i < 30_000; i++) {
      assertThat(Float.floatToRawIntBits(Dots.floats(w, 0, x, 700))).isEqualTo(first);
    }
  }
}
