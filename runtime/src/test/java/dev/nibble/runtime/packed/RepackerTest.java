package dev.nibble.runtime.packed;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.core.tensor.PackedFormat;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.core.tensor.TiledTensor;
import dev.nibble.runtime.diagnose.SampleTensors;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RepackerTest {

  /** Scales that were fp16 stay what they are; those that were not are rounded to 11 bits. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "q4_0",
        "q4_1",
        "q5_0",
        "q5_1",
        "q8_0",
        "q4_k",
        "q5_k",
        "int8:channel:sym",
        "int7:g32:sym",
        "int6:g64:sym",
        "int5:g128:asym",
        "int4:g64:sym",
        "int4:g128:asym",
        "int3:g64:sym",
        "int2:g32:sym",
        "int2:g64:sym",
        "q2_k",
        "q3_k",
        "q6_k",
        "int4:g16:sym",
        "mxfp4",
        "iq4_nl",
        "iq4_xs",
        "fp4:g32",
        "nf4:g64"
      })
  void valuesAreThoseOfTheStoredWeight(String type) {
    PackedTensor weight = SampleTensors.of(type, 45, 512);
    float[] stored = weight.toFloats();
    boolean rounded =
        type.endsWith("_k")
            || type.equals("iq4_xs")
            || type.endsWith(":asym")
            || type.startsWith("nf4");
    boolean exact = !rounded;
    try (Arena arena = Arena.ofShared()) {
      PackedWeights packed = Repacker.pack(weight, arena).orElseThrow();
      float largest = 0;
      for (float value : stored) {
        largest = Math.max(largest, Math.abs(value));
      }
      for (int r = 0; r < 45; r++) {
        for (int c = 0; c < 512; c++) {
          float value = PackedReference.value(packed, r, c);
          if (exact) {
            assertThat(value).as(type).isEqualTo(stored[r * 512 + c]);
          } else {
            assertThat(value).as(type).isCloseTo(stored[r * 512 + c], within(largest / 250));
          }
        }
      }
    }
  }

  @Test
  void bytesAreCodesAndHalfPrecisionScales() {
    PackedTensor q4 = SampleTensors.of("q4_0", 64, 256);
    PackedTensor wide = SampleTensors.of("int4:g128:asym", 64, 256);
    try (Arena arena = Arena.ofShared()) {
      assertThat(Repacker.pack(q4, arena).orElseThrow().data().byteSize())
          .isEqualTo(64 * 256 * 9 / 16);
      assertThat(Repacker.pack(wide, arena).orElseThrow().data().byteSize())
          .isEqualTo(64 * 256 / 2 + 64 * 2 * 4);
    }
  }

  /** Buffers are kept from weight to weight; rows that fill up the last row group stay 0. */
  @Test
  void earlierWeightsLeaveNoTrace() {
    try (Arena arena = Arena.ofShared()) {
      PackedTensor small = SampleTensors.of("q5_1", 33, 256);
      PackedWeights before = Repacker.pack(small, arena).orElseThrow();
      assertThat(Repacker.pack(SampleTensors.of("q8_0", 2048, 512), arena)).isPresent();
      PackedWeights after = Repacker.pack(small, arena).orElseThrow();
      assertThat(after.data().mismatch(before.data())).isEqualTo(-1);
      for (int row = 33; row < 64; row++) {
        for (int column = 0; column < 256; column++) {
          assertThat(PackedReference.value(after, row, column)).isZero();
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"q4_0", "q8_0", "q4_1", "int3:g64:sym", "q6_k", "nf4:g64"})
  void whatIsStoredPackedStaysWhereItLies(String type) {
    try (Arena arena = Arena.ofShared()) {
      PackedWeights packed = Repacker.pack(SampleTensors.of(type, 45, 512), arena).orElseThrow();
      TiledTensor stored = packed.stored();
      float[] values = stored.toFloats();
      for (int i = 0; i < values.length; i++) {
        assertThat(values[i]).isEqualTo(PackedReference.value(packed, i / 512, i % 512));
      }
      assertThat(Repacker.formatOf(stored)).contains(packed.format());
      PackedWeights again =
          Repacker.pack(
                  stored,
                  (bytes, alignment) -> {
                    throw new AssertionError("nothing is to be copied");
                  })
              .orElseThrow();
      assertThat(again.data().address()).isEqualTo(packed.data().address());
      assertThat(again.factor()).isEqualTo(packed.factor());
      assertThat(again.table()).isEqualTo(packed.table());
    }
  }

  @Test
  void whatKernelsCannotReadInPlaceIsCopied() {
    try (Arena arena = Arena.ofShared()) {
      TiledTensor stored =
          Repacker.pack(SampleTensors.of("q4_0", 32, 64), arena).orElseThrow().stored();
      MemorySegment odd = arena.allocate(stored.data().byteSize() + 64, 64).asSlice(8);
      odd = odd.asSlice(0, stored.data().byteSize()).copyFrom(stored.data());
      TiledTensor moved =
          new TiledTensor(stored.shape(), stored.format(), stored.exponent(), new byte[0], odd);
      PackedWeights copied = Repacker.pack(moved, arena).orElseThrow();
      assertThat(copied.data().address() % TiledTensor.ALIGNMENT).isZero();
      assertThat(copied.data().mismatch(stored.data())).isEqualTo(-1);
    }
  }

  @Test
  void refusesWhatItCannotHold() {
    try (Arena arena = Arena.ofShared()) {
      assertThat(Repacker.pack(SampleTensors.of("bf16", 32, 256), arena)).isEmpty();
      assertThat(Repacker.pack(SampleTensors.of("f32", 32, 256), arena)).isEmpty();
      assertThat(Repacker.pack(SampleTensors.of("int4:g64:sym", 32, 100), arena)).isEmpty();
      PackedFormat format = new PackedFormat(4, 32, false);
      MemorySegment tooShort = arena.allocate(100, 64);
      assertThatThrownBy(() -> new PackedWeights(format, 32, 32, 1, new byte[0], tooShort))
          .hasMessageContaining("576");
    }
  }
}
