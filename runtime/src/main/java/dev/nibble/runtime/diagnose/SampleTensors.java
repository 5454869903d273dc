package dev.nibble.runtime.diagnose;

import dev.nibble.core.NibbleException;
import dev.nibble.core.ggml.GgmlEncoder;
import dev.nibble.core.ggml.GgmlType;
import dev.nibble.core.rounding.BilevelBuilder;
import dev.nibble.core.rounding.RoundToNearest;
import dev.nibble.core.rounding.RoundingOptions;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.spec.ScaleFormat;
import dev.nibble.core.tensor.BilevelLayout;
import dev.nibble.core.tensor.CodebookLayout;
import dev.nibble.core.tensor.CodebookPacker;
import dev.nibble.core.tensor.DType;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.core.tensor.GgmlTensor;
import dev.nibble.core.tensor.OutlierTensor;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.core.work.Workers;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;

/** Random weights in the stored types that models commonly hold. */
public final class SampleTensors {
  private static final List<DType> DENSE = List.of(DType.F32, DType.F16, DType.BF16);
  private static final List<String> SPECS =
      List.of(
          "int8:channel",
          "int8:g128:sym",
          "int6:g128:asym",
          "int5:g128:asym",
          "int4:g128:asym",
          "int4:g32:asym",
          "int4:channel:sym",
          "int3:g128:asym",
          "int2:g64:asym",
          "nf4:g64",
          "mxfp4");
  private static final List<GgmlType> BLOCKS =
      List.of(
          GgmlType.Q4_0,
          GgmlType.Q4_1,
          GgmlType.Q5_0,
          GgmlType.Q5_1,
          GgmlType.Q8_0,
          GgmlType.Q2_K,
          GgmlType.Q3_K,
          GgmlType.Q4_K,
          GgmlType.Q5_K,
          GgmlType.Q6_K,
          GgmlType.IQ4_NL,
          GgmlType.IQ4_XS);

  private static final List<CodebookLayout> CODEBOOKS =
      List.of(
          CodebookLayout.additive(2, 8, 8),
          CodebookLayout.additive(1, 12, 8),
          new CodebookLayout(1, 3, 1, 16, true, CodebookLayout.Scales.NONE));

  private static final BilevelLayout BILEVEL =
      new BilevelLayout(3, 16, 16, 3, BilevelLayout.Zeros.BILEVEL, 3, ScaleFormat.FP16);

  private static final String SPARSE = BILEVEL.text(Integer.MAX_VALUE) + "+sparse";

  private SampleTensors() {}

  /** Their names. */
  public static List<String> types() {
    List<String> out = new ArrayList<>();
    DENSE.forEach(type -> out.add(name(type)));
    out.addAll(SPECS);
    BLOCKS.forEach(type -> out.add(name(type)));
    CODEBOOKS.forEach(layout -> out.add(layout.text()));
    out.add(SPARSE);
    return out;
  }

  /**
   * Random weights, the same at every call.
   *
   * @param type one of {@link #types}, a ggml type that can be encoded or a specification that
   *     rounding to nearest takes
   * @param columns a multiple of 256 for K-quants and codebooks
   * @throws NibbleException for another type
   */
  public static PackedTensor of(String type, int rows, int columns) {
    float[] w = gaussian(new SplittableRandom(7), rows * columns);
    long[] shape = {rows, columns};
    for (DType dense : DENSE) {
      if (name(dense).equals(type)) {
        return DenseTensor.rounded(w, dense, shape);
      }
    }
    for (GgmlType blocks : GgmlEncoder.types()) {
      if (name(blocks).equals(type)) {
        byte[] data = GgmlEncoder.encode(blocks, w, 0, rows, columns, null, "sample");
        return new GgmlTensor(shape, blocks, MemorySegment.ofArray(data));
      }
    }
    for (CodebookLayout layout : CODEBOOKS) {
      if (layout.text().equals(type)) {
        return codebook(layout, rows, columns);
      }
    }
    if (SPARSE.equals(type)) {
      return sparse(w, shape);
    }
    return RoundToNearest.quantize(w, shape, QuantSpec.parse(type), RoundingOptions.DEFAULT);
  }

  /** The largest of every hundred values apart, or so. */
  private static PackedTensor sparse(float[] w, long[] shape) {
    boolean[] outlier = new boolean[w.length];
    for (int i = 0; i < w.length; i++) {
      outlier[i] = Math.abs(w[i]) > 2.576f;
    }
    try (Workers one = new Workers(1)) {
      return OutlierTensor.of(BilevelBuilder.round(w, shape, BILEVEL, one), outlier, w);
    }
  }

  private static PackedTensor codebook(CodebookLayout layout, int rows, int columns) {
    SplittableRandom random = new SplittableRandom(7);
    int count = Math.multiplyExact(rows, layout.codes(columns));
    return CodebookPacker.pack(
        new long[] {rows, columns},
        layout,
        random.ints(count, 0, layout.codewords()).toArray(),
        gaussian(random, Math.toIntExact(layout.elements())),
        gaussian(random, Math.toIntExact(layout.scaleCount(rows))),
        random.ints(rows, 0, layout.rowGroups()).toArray());
  }

  private static String name(Enum<?> type) {
    return type.name().toLowerCase(Locale.ROOT);
  }

  /** {@code n} normally distributed values. */
  public static float[] gaussian(SplittableRandom random, int n) {
    float[] x = new float[n];
    for (int i = 0; i < n; i++) {
      x[i] = (float) random.nextGaussian();
    }
    return x;
  }
}
