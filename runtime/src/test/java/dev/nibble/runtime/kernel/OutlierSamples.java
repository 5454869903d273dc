package dev.nibble.runtime.kernel;

import dev.nibble.core.rounding.BilevelBuilder;
import dev.nibble.core.spec.ScaleFormat;
import dev.nibble.core.tensor.BandedTensor;
import dev.nibble.core.tensor.BandedTensor.Axis;
import dev.nibble.core.tensor.BilevelLayout;
import dev.nibble.core.tensor.BilevelLayout.Zeros;
import dev.nibble.core.tensor.BilevelTensor;
import dev.nibble.core.tensor.OutlierTensor;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.core.work.Workers;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;

/** Weights with coded scales and with values apart, for the tests of kernels. */
final class OutlierSamples {
  private OutlierSamples() {}

  /** Groups with coded scales, and values stored apart from bases of several types. */
  static void add(Random random, Stream.Builder<PackedTensor> all) {
    try (Workers one = new Workers(1)) {
      for (int[] shape : new int[][] {{24, 40}, {33, 172}, {7, 2100}, {16, 256}}) {
        float[] w = KernelsTest.gaussian(random, shape[0] * shape[1]);
        long[] size = {shape[0], shape[1]};
        for (BilevelLayout layout :
            List.of(
                new BilevelLayout(3, 16, 16, 3, Zeros.BILEVEL, 3, ScaleFormat.FP16),
                new BilevelLayout(4, 32, 5, 6, Zeros.INTEGER, 0, ScaleFormat.BF16),
                new BilevelLayout(2, 10_000, 8, 7, Zeros.NONE, 0, ScaleFormat.FP32),
                new BilevelLayout(8, 16, 16, 3, Zeros.NONE, 0, ScaleFormat.FP16))) {
          BilevelTensor levels = BilevelBuilder.round(w, size, layout, one);
          all.add(levels);
          all.add(OutlierTensor.of(levels, every(w.length, 31), w));
        }
        all.add(
            OutlierTensor.of(
                KernelsTest.rounded(random, shape[0], shape[1], "int4:g32:asym"),
                every(w.length, 1),
                w));
        all.add(
            OutlierTensor.of(
                KernelsTest.rounded(random, shape[0], shape[1], "nf4:g64"),
                new boolean[w.length],
                w));
        all.add(OutlierTensor.of(halves(random, shape[0], shape[1]), every(w.length, 5), w));
      }
    }
  }

  /** A band of columns in reverse order. */
  private static PackedTensor halves(Random random, int rows, int columns) {
    int[] order = new int[columns];
    Arrays.setAll(order, i -> columns - 1 - i);
    return BandedTensor.of(
        new long[] {rows, columns},
        Axis.COLUMNS,
        List.of(KernelsTest.rounded(random, rows, columns, "int3:g16:asym")),
        1,
        order);
  }

  static boolean[] every(int count, int step) {
    boolean[] out = new boolean[count];
    for (int i = 0; i < count; i += step) {
      out[i] = true;
    }
    return out;
  }
}
