package dev.nibble.runtime.kernel;

import dev.nibble.core.ggml.GgmlType;
import dev.nibble.core.tensor.DType;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.core.tensor.GgmlTensor;
import dev.nibble.core.tensor.PackedTensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Plain floats: fp32, fp16 and bf16, from safetensors or GGUF. */
final class DenseKernel implements MatmulKernel {
  private static final ValueLayout.OfShort LE16 =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final DType type;

  DenseKernel(DType type) {
    this.type = type;
  }

  @Override
  public String name() {
    return type.name().toLowerCase(java.util.Locale.ROOT) + "-rows";
  }

  @Override
  public boolean accepts(PackedTensor weight) {
    return switch (weight) {
      case DenseTensor d -> d.dtype() == type;
      case GgmlTensor g -> g.type() == ggml();
      default -> false;
    };
  }

  private GgmlType ggml() {
    return switch (type) {
      case F32 -> GgmlType.F32;
      case F16 -> GgmlType.F16;
      case BF16 -> GgmlType.BF16;
      default -> throw new IllegalStateException("no dense kernel for " + type);
    };
  }

  @Override
  public Matrix bind(PackedTensor weight) {
    MemorySegment data = weight instanceof GgmlTensor g ? g.data() : ((DenseTensor) weight).data();
    return new Bound(weight, data);
  }

  private final class Bound extends RowMajor {
    private final Bands bands;

    Bound(PackedTensor weight, MemorySegment data) {
      super(weight, name());
      bands = new Bands(data, rows(), (long) columns() * type.bytes());
    }

    @Override
    public void multiply(int from, int to, Input x, float[] y, int yOffset, Scratch scratch) {
      int n = columns();
      for (int r = from; r < to; r++) {
        MemorySegment w = bands.of(r);
        int at = bands.at(r);
        y[yOffset + r] =
            switch (type) {
              case F32 -> Dots.f32(w, at, x.x, n);
              case BF16 -> Dots.bf16(w, at, x.x, n);
              default -> {
                half(w, at, scratch.rows, 0, n, scratch);
                yield Dots.floats(scratch.rows, 0, x.x, n);
              }
            };
      }
    }

    @Override
    public void decode(int from, int to, float[] out, int offset, Scratch scratch) {
      int n = columns();
      for (int r = from; r < to; r++) {
        MemorySegment w = bands.of(r);
        int at = bands.at(r);
        int o = offset + (r - from) * n;
        switch (type) {
          case F32 -> MemorySegment.copy(w, ValueLayout.JAVA_FLOAT_UNALIGNED, at, out, o, n);
          case BF16 -> {
            MemorySegment.copy(w, LE16, at, scratch.shorts, 0, n);
            for (int i = 0; i < n; i++) {
              out[o + i] = Float.intBitsToFloat(scratch.shorts[i] << 16);
            }
          }
          default -> half(w, at, out, o, n, scratch);
        }
      }
    }

    /** A copy and a loop that the compiler turns into hardware half-precision conversions. */
    private void half(MemorySegment w, int at, float[] out, int o, int n, Scratch scratch) {
      MemorySegment.copy(w, LE16, at, scratch.shorts, 0, n);
      Halves.toFloats(scratch.shorts, 0, out, o, n);
    }
  }
}
