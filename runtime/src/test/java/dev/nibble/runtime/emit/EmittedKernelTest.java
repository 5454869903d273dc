package dev.nibble.runtime.emit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nibble.core.tensor.PackedFormat;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.runtime.Activations;
import dev.nibble.runtime.diagnose.SampleTensors;
import dev.nibble.runtime.kernel.Int8Matrix;
import dev.nibble.runtime.kernel.Matrix;
import dev.nibble.runtime.kernel.Products;
import dev.nibble.runtime.kernel.Team;
import dev.nibble.runtime.packed.InputForm;
import dev.nibble.runtime.packed.InputTile;
import dev.nibble.runtime.packed.PackedReference;
import dev.nibble.runtime.packed.PackedWeights;
import dev.nibble.runtime.packed.Repacker;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class EmittedKernelTest {

  @BeforeEach
  void needsTheProcessor() {
    assumeTrue(Processor.current().avx512Vnni(), Processor.current().why());
  }

  static Stream<PackedFormat> formats() {
    List<PackedFormat> formats = new ArrayList<>();
    for (int bits = 1; bits <= 8; bits++) {
      for (int shared : new int[] {16, 32, 64, 128}) {
        formats.add(new PackedFormat(bits, shared, false));
        formats.add(new PackedFormat(bits, shared, true));
        if (bits == 4) {
          formats.add(new PackedFormat(bits, shared, false, true));
        }
      }
    }
    return formats.stream();
  }

  /** Making a kernel compares it with the reference, bit for bit. */
  @ParameterizedTest
  @MethodSource("formats")
  void everyKernelOfEveryLayoutAgreesWithTheReference(PackedFormat format) {
    for (int tokens = 1; tokens <= InputTile.MOST; tokens++) {
      assertThat(EmittedKernels.product(format, new InputTile(tokens, format.parts()))).isNotNull();
    }
  }

  static Stream<String> types() {
    return Stream.of(
        "int8:channel:sym",
        "int8:g32:asym",
        "int6:g64:sym",
        "int4:g128:sym",
        "int4:g64:asym",
        "int3:g64:sym",
        "int2:g32:asym",
        "q4_0",
        "q4_1",
        "q5_0",
        "q5_1",
        "q8_0",
        "q4_k",
        "q5_k",
        "int4:g16:sym",
        "q2_k",
        "q3_k",
        "q6_k",
        "nf4:g64",
        "mxfp4",
        "fp4:g32",
        "iq4_nl",
        "iq4_xs");
  }

  @ParameterizedTest
  @MethodSource("types")
  void productsOfAnyShapeAreThoseOfTheReference(String type) {
    SplittableRandom random = new SplittableRandom(type.hashCode());
    int step = type.endsWith("_k") || type.equals("iq4_xs") ? 256 : 128;
    for (int rows : new int[] {1, 31, 32, 33, 100}) {
      int columns = step * (1 + random.nextInt(3));
      PackedTensor weight = SampleTensors.of(type, rows, columns);
      for (int tokens : new int[] {1, 3, 4, 5, 16, 17, 37}) {
        compare(weight, tokens, 1 + random.nextInt(3), random);
      }
    }
  }

  private static void compare(
      PackedTensor weight, int tokens, int threads, SplittableRandom random) {
    int rows = (int) weight.rows();
    int columns = weight.columns();
    float[] x = SampleTensors.gaussian(random, 3 + tokens * columns);
    float[] bias = SampleTensors.gaussian(random, rows);
    int stride = rows + 5;
    float[] y = new float[7 + tokens * stride];
    try (Team team = new Team(threads);
        Arena arena = Arena.ofShared()) {
      Matrix matrix = Activations.INT8.kernels().bind(weight);
      assertThat(matrix.kernel()).startsWith("emitted");
      new Products(team, columns).multiply(matrix, bias, x, 3, columns, tokens, y, 7, stride);
      PackedWeights packed = Repacker.pack(weight, arena).orElseThrow();
      InputTile one = new InputTile(1, packed.format().parts());
      MemorySegment tile = arena.allocate(one.bytes(columns), 64);
      for (int t = 0; t < tokens; t++) {
        PackedReference.quantize(x, 3 + t * columns, columns, InputForm.of(packed), one, 0, tile);
        for (int r = 0; r < rows; r++) {
          float wanted = PackedReference.multiply(packed, r, tile, one, 0) + bias[r];
          assertThat(y[7 + t * stride + r]).isEqualTo(wanted);
        }
        for (int r = rows; r < stride; r++) {
          assertThat(y[7 + t * stride + r]).as("between two outputs").isZero();
        }
      }
    }
  }

  @Test
  void roundingCostsWhatEightBitsCost() {
    SplittableRandom random = new SplittableRandom(5);
    for (String type : types().toList()) {
      PackedTensor weight = SampleTensors.of(type, 96, 1024);
      float[] x = SampleTensors.gaussian(random, 1024);
      float[] exact = new float[96];
      float[] rounded = new float[96];
      try (Team team = new Team(1)) {
        Products products = new Products(team, 1024);
        Matrix fp32 = Activations.FP32.kernels().bind(weight);
        Matrix int8 = Activations.INT8.kernels().bind(weight);
        products.multiply(fp32, null, x, 0, 1024, 1, exact, 0, 96);
        products.multiply(int8, null, x, 0, 1024, 1, rounded, 0, 96);
      }
      double error = 0;
      double size = 0;
      for (int i = 0; i < 96; i++) {
        error += Math.pow(rounded[i] - exact[i], 2);
        size += Math.pow(exact[i], 2);
      }
      assertThat(Math.sqrt(error / size)).as(type).isBetween(1e-4, 0.01);
    }
  }

  @Test
  void theSameInputIsRoundedAgainOnlyForAnotherForm() {
    int columns = 256;
    PackedTensor a = SampleTensors.of("q4_0", 64, columns);
    PackedTensor b = SampleTensors.of("q8_0", 64, columns);
    SplittableRandom random = new SplittableRandom(9);
    float[] x = SampleTensors.gaussian(random, columns);
    float[] other = SampleTensors.gaussian(random, columns);
    float[] together = new float[64];
    float[] alone = new float[64];
    try (Team team = new Team(1)) {
      Products products = new Products(team, columns);
      Matrix first = Activations.INT8.kernels().bind(a);
      Matrix second = Activations.INT8.kernels().bind(b);
      Matrix exact = Activations.FP32.kernels().bind(a);
      products.multiply(second, null, x, 0, columns, 1, alone, 0, 64);
      products.multiply(first, null, x, 0, columns, 1, together, 0, 64, false);
      products.multiply(second, null, x, 0, columns, 1, together, 0, 64, true);
      assertThat(together).isEqualTo(alone);
      products.multiply(exact, null, other, 0, columns, 1, together, 0, 64, false);
      products.multiply(second, null, other, 0, columns, 1, together, 0, 64, true);
      products.multiply(second, null, other, 0, columns, 1, alone, 0, 64);
      assertThat(together).isEqualTo(alone);
    }
  }

  @Test
  void nothingIsTouchedOutsideTheArrays() {
    PackedTensor weight = SampleTensors.of("q4_0", 64, 128);
    Int8Matrix m = (Int8Matrix) Activations.INT8.kernels().bind(weight);
    InputTile two = new InputTile(2, 1);
    MemorySegment y = MemorySegment.ofArray(new float[128]);
    try (Arena arena = Arena.ofShared()) {
      MemorySegment tile = arena.allocate(two.bytes(128), 64);
      MemorySegment shorter = tile.asSlice(0, tile.byteSize() - 4);
      m.multiply(0, 2, two, tile, 1, y, 0, 64);
      assertThatThrownBy(() -> m.multiply(0, 3, two, tile, 1, y, 0, 96))
          .isInstanceOf(IndexOutOfBoundsException.class);
      assertThatThrownBy(() -> m.multiply(0, 2, two, tile, 1, y, 1, 64))
          .isInstanceOf(IndexOutOfBoundsException.class);
      assertThatThrownBy(() -> m.multiply(0, 2, two, tile, 1, y, 0, 63))
          .isInstanceOf(IndexOutOfBoundsException.class);
      assertThatThrownBy(() -> m.multiply(0, 2, two, shorter, 1, y, 0, 64))
          .isInstanceOf(IndexOutOfBoundsException.class);
      assertThatThrownBy(() -> m.multiply(0, 2, two, tile, 2, y, 0, 64))
          .isInstanceOf(IndexOutOfBoundsException.class);
      MemorySegment x = MemorySegment.ofArray(new float[130]);
      assertThatThrownBy(() -> m.round(x, 3, two, 0, tile))
          .isInstanceOf(IndexOutOfBoundsException.class);
      assertThatThrownBy(() -> m.round(x, 0, two, 2, tile))
          .isInstanceOf(IndexOutOfBoundsException.class);
    }
  }

  @Test
  void whatNoLayoutHoldsStaysWithTheOtherKernels() {
    for (String type : List.of("bf16", "f16", "int4:g8:sym")) {
      PackedTensor weight = SampleTensors.of(type, 32, 256);
      assertThat(Activations.INT8.kernels().bind(weight).kernel()).doesNotStartWith("emitted");
    }
  }
}
