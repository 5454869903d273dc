package dev.nibble.core.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.core.rounding.Clip;
import dev.nibble.core.rounding.RoundToNearest;
import dev.nibble.core.rounding.RoundingOptions;
import dev.nibble.core.spec.QuantSpec;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;

class PackingProperties {

  @Provide
  Arbitrary<QuantSpec> specs() {
    return Arbitraries.of(
            "int1:g5:asym",
            "int2:g16:sym",
            "int3:tensor:asym",
            "int4:g128:asym",
            "int5:channel:sym:bf16",
            "int6:g7:asym:fp32",
            "int7:g32:sym:e8m0",
            "int8",
            "nf4:g64",
            "nf3:g10",
            "mxfp4",
            "mxfp6-e2m3",
            "mxfp6-e3m2",
            "mxfp8-e5m2",
            "mxint8",
            "nvfp4",
            "log4-1.5:g16",
            "pow2-4:channel",
            "sqrt2-5:g8:bf16",
            "ternary:g9",
            "binary:g20")
        .map(QuantSpec::parse);
  }

  @Property(tries = 1000)
  void streamsReadBackAndLeaveTheirSurroundings(
      @ForAll @Size(min = 1, max = 70) byte[] codes, @ForAll @IntRange(min = 1, max = 8) int bits) {
    int bytes = (codes.length * bits + 7) / 8;
    byte[] packed = new byte[bytes + 4];
    Arrays.fill(packed, (byte) 0x5a);
    BitPacking.pack(codes, 0, codes.length, bits, packed, 2);
    assertThat(packed[1]).isEqualTo((byte) 0x5a);
    assertThat(packed[bytes + 2]).isEqualTo((byte) 0x5a);
    byte[] back = new byte[codes.length];
    BitPacking.unpack(packed, 2, codes.length, bits, back);
    MemorySegment stream = MemorySegment.ofArray(packed).asSlice(2);
    for (int i = 0; i < codes.length; i++) {
      assertThat(back[i] & 0xff).isEqualTo(codes[i] & ((1 << bits) - 1));
      assertThat(BitPacking.at(stream, i, bits)).isEqualTo(back[i] & 0xff);
    }
  }

  @Property(tries = 400)
  void eightCodesAtOnceAreThoseReadOneByOne(
      @ForAll @Size(min = 8, max = 70) byte[] codes, @ForAll @IntRange(min = 1, max = 8) int bits) {
    int count = codes.length / 8 * 8;
    byte[] packed = new byte[2 + count * bits / 8 + 7];
    Arrays.fill(packed, (byte) 0x5a);
    BitPacking.pack(codes, 0, count, bits, packed, 2);
    long[] eights = new long[count / 8];
    BitPacking.unpackEights(packed, 2, count, bits, eights);
    for (int i = 0; i < count; i++) {
      assertThat((int) (eights[i / 8] >>> (8 * (i % 8))) & 0xff)
          .isEqualTo(codes[i] & ((1 << bits) - 1));
    }
  }

  @Property(tries = 400)
  void sizesAreExactForEverySpecAndShape(
      @ForAll("specs") QuantSpec spec,
      @ForAll @IntRange(min = 0, max = 9) int rows,
      @ForAll @IntRange(min = 1, max = 150) int columns) {
    PackedTensor t = quantize(gaussian(rows * columns, columns), rows, columns, spec, Clip.NONE);
    assertThat(t.byteSize()).isEqualTo(spec.packedBytes(rows, columns));
  }

  /** No other level of the group's own scale would have been nearer. */
  @Property(tries = 300)
  void tablesTakeTheNearestLevel(
      @ForAll("specs") QuantSpec spec, @ForAll @IntRange(min = 1, max = 99) int columns) {
    if (spec.affine()) {
      return;
    }
    float[] w = gaussian(3 * columns, columns);
    TableTensor t = (TableTensor) quantize(w, 3, columns, spec, Clip.NONE);
    float[] stored = t.toFloats();
    int groups = spec.groups(columns);
    for (int i = 0; i < w.length; i++) {
      int group = i / columns * groups + i % columns / t.groupSize();
      float scale = t.scaleFormat().get(t.scales(), group);
      double best = Double.MAX_VALUE;
      for (float level : t.levels()) {
        if (Float.isFinite(level)) {
          best = Math.min(best, Math.abs((double) scale * level - w[i]));
        }
      }
      double error = Math.abs((double) stored[i] - w[i]);
      assertThat(error).isLessThanOrEqualTo(best + 1e-6 * Math.abs(w[i]));
    }
  }

  /** The 2.4-norm error of a table never rises by searching for a clip. */
  @Property(tries = 100)
  void clippingATableNeverHurts(
      @ForAll("specs") QuantSpec spec, @ForAll @IntRange(min = 1, max = 99) int columns) {
    float[] w = gaussian(2 * columns, columns);
    assertThat(error(w, quantize(w, 2, columns, spec, Clip.MSE)))
        .isLessThanOrEqualTo(error(w, quantize(w, 2, columns, spec, Clip.NONE)) * (1 + 1e-6));
  }

  @Property(tries = 60)
  void blocksScaleWithPowersOfTwo(@ForAll @IntRange(min = -20, max = 20) int exponent) {
    for (String mx : new String[] {"mxfp4", "mxfp8-e4m3", "mxint8"}) {
      QuantSpec spec = QuantSpec.parse(mx);
      float[] w = gaussian(66, 5);
      float[] scaled = w.clone();
      for (int i = 0; i < w.length; i++) {
        scaled[i] = Math.scalb(w[i], exponent);
      }
      TableTensor plain = (TableTensor) quantize(w, 2, 33, spec, Clip.NONE);
      TableTensor moved = (TableTensor) quantize(scaled, 2, 33, spec, Clip.NONE);
      assertThat(moved.codes().mismatch(plain.codes())).isEqualTo(-1);
    }
  }

  private static PackedTensor quantize(
      float[] w, int rows, int columns, QuantSpec spec, Clip clip) {
    return RoundToNearest.quantize(
        w, new long[] {rows, columns}, spec, new RoundingOptions(null, clip, 2.4));
  }

  private static double error(float[] w, PackedTensor t) {
    float[] stored = t.toFloats();
    double sum = 0;
    for (int i = 0; i < w.length; i++) {
      sum += Math.pow(Math.abs((double) stored[i] - w[i]), 2.4);
    }
    return sum;
  }

  private static float[] gaussian(int n, long seed) {
    Random random = new Random(seed);
    float[] w = new float[n];
    for (int i = 0; i < n; i++) {
      w[i] = (float) random.nextGaussian();
    }
    return w;
  }

  @Property(tries = 20)
  void finerScalesAndMoreBitsHelp(@ForAll @IntRange(min = 0, max = 1000) int seed) {
    float[] w = gaussian(32 * 256, seed);
    for (int row = 0; row < 32; row++) {
      for (int c = 0; c < 256; c++) {
        w[row * 256 + c] *= 1 + row * 0.1f;
      }
    }
    double last = Double.MAX_VALUE;
    for (String s : new String[] {"int4:tensor", "int4:channel", "int4:g64", "int4:g32"}) {
      double error = error(w, quantize(w, 32, 256, QuantSpec.parse(s), Clip.NONE));
      assertThat(error).as(s).isLessThan(last);
      last = error;
    }
    last = Double.MAX_VALUE;
    for (int bits = 1; bits <= 8; bits++) {
      QuantSpec spec = QuantSpec.parse("int" + bits + ":g64:asym");
      double error = error(w, quantize(w, 32, 256, spec, Clip.NONE));
      assertThat(error).isLessThan(last);
      last = error;
    }
  }
}
