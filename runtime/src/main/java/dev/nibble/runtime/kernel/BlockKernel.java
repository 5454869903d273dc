package dev.nibble.runtime.kernel;

import dev.nibble.core.ggml.GgmlType;
import dev.nibble.core.tensor.GgmlTensor;
import dev.nibble.core.tensor.PackedTensor;
import java.lang.foreign.MemorySegment;
import java.util.Locale;
import java.util.Set;

/**
 * ggml blocks of integer codes. A stretch of a row becomes floats in the first-level cache, codes
 * and steps apart, and is multiplied there: memory, not arithmetic, then sets the speed, and
 * prefill shares the unpacking.
 */
final class BlockKernel implements MatmulKernel {
  private static final Set<GgmlType> TYPES =
      Set.of(
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

  @Override
  public String name() {
    return "ggml-blocks";
  }

  @Override
  public boolean accepts(PackedTensor weight) {
    return weight instanceof GgmlTensor g && TYPES.contains(g.type());
  }

  @Override
  public Matrix bind(PackedTensor weight) {
    return new Bound((GgmlTensor) weight);
  }

  private static final class Bound extends RowMajor {
    private final GgmlType type;
    private final Bands bands;

    /** Columns that share a step. */
    private final int unit;

    /** Whether values are {@code step · code + low} or {@code step · code}. */
    private final boolean lows;

    Bound(GgmlTensor weight) {
      super(weight, weight.type().name().toLowerCase(Locale.ROOT) + "-blocks");
      type = weight.type();
      bands = new Bands(weight.data(), rows(), type.rowBytes(columns()));
      unit =
          switch (type) {
            case Q2_K, Q3_K, Q6_K -> 16;
            default -> 32;
          };
      lows =
          switch (type) {
            case Q4_1, Q5_1, Q2_K, Q4_K, Q5_K -> true;
            default -> false;
          };
    }

    @Override
    public void prepare(float[] x, int offset, Input into) {
      super.prepare(x, offset, into);
      if (lows) {
        into.sumGroups(x, offset, columns(), unit);
      }
    }

    @Override
    public void multiply(int from, int to, Input x, float[] y, int yOffset, Scratch scratch) {
      for (int r = from; r < to; r++) {
        float sum = 0;
        for (int c = 0; c < columns(); c += Scratch.STRETCH) {
          int units = unpack(r, c, scratch) / unit;
          sum += Stepped.dot(scratch.codes, x.x, c, scratch.groupScales, unit, units);
          if (lows) {
            sum += Dots.floats(x.sums, c / unit, scratch.groupZeros, units);
          }
        }
        y[yOffset + r] = sum;
      }
    }

    @Override
    public void decode(int from, int to, float[] out, int offset, Scratch s) {
      for (int r = from; r < to; r++) {
        for (int c = 0; c < columns(); c += Scratch.STRETCH) {
          int units = unpack(r, c, s) / unit;
          int o = offset + (r - from) * columns() + c;
          if (lows) {
            Stepped.values(s.codes, s.groupScales, s.groupZeros, unit, units, out, o);
          } else {
            Stepped.values(s.codes, s.groupScales, unit, units, out, o);
          }
        }
      }
    }

    /** Codes, steps and lows of a stretch of a row from column c; returns its length. */
    private int unpack(int row, int c, Scratch s) {
      int count = Math.min(Scratch.STRETCH, columns() - c);
      int blocks = count / type.blockElements();
      int stride = type.blockBytes();
      MemorySegment data = bands.of(row);
      int at = bands.at(row) + c / type.blockElements() * stride;
      codes(data, at, stride, blocks, s.codes);
      scales(data, at, stride, blocks, s.groupScales, s.groupZeros);
      return count;
    }

    private void codes(MemorySegment data, int at, int stride, int blocks, float[] out) {
      switch (type) {
        case Q4_0 -> LegacyCodes.bits4(data, at, stride, 2, blocks, 8, out);
        case Q4_1 -> LegacyCodes.bits4(data, at, stride, 4, blocks, 0, out);
        case Q5_0 -> LegacyCodes.bits5(data, at, stride, 2, blocks, 16, out);
        case Q5_1 -> LegacyCodes.bits5(data, at, stride, 4, blocks, 0, out);
        case Q8_0 -> LegacyCodes.bits8(data, at, stride, 2, blocks, out);
        case Q2_K -> KQuantCodes.q2(data, at, blocks, out);
        case Q3_K -> KQuantCodes.q3(data, at, blocks, out);
        case Q4_K -> KQuantCodes.q4(data, at, blocks, out);
        case Q5_K -> KQuantCodes.q5(data, at, blocks, out);
        default -> KQuantCodes.q6(data, at, blocks, out);
      }
    }

    private void scales(
        MemorySegment data, int at, int stride, int blocks, float[] steps, float[] lows) {
      switch (type) {
        case Q4_0, Q5_0, Q8_0 -> LegacyCodes.steps(data, at, stride, blocks, steps);
        case Q4_1, Q5_1 -> LegacyCodes.stepsAndLows(data, at, stride, blocks, steps, lows);
        case Q2_K -> KQuantScales.q2(data, at, blocks, steps, lows);
        case Q3_K -> KQuantScales.q3(data, at, blocks, steps);
        case Q4_K, Q5_K -> KQuantScales.q4(data, at, stride, blocks, steps, lows);
        default -> KQuantScales.q6(data, at, blocks, steps);
      }
    }
  }
}
