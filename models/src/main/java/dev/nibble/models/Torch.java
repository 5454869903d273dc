package dev.nibble.models;

import dev.nibble.core.tensor.PackedTensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Map;
import java.util.function.Supplier;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.openblas.presets.openblas_nolapack;
import org.bytedeco.pytorch.AutoGradMode;
import org.bytedeco.pytorch.MemoryFormatOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * The one door to libtorch: start-up, scopes of native memory, and copies between Java and tensors.
 *
 * <p>libtorch and OpenBLAS give different bits with different thread counts, so both are pinned to
 * one thread here, whatever {@code OPENBLAS_NUM_THREADS} or {@code OMP_NUM_THREADS} say; Nibble
 * runs independent tasks in parallel instead.
 *
 * <p>Ownership. Inside a scope every native object belongs to the innermost scope and is freed when
 * it ends. What a scope's body returns moves to the enclosing scope, or, when there is none, to the
 * caller, who closes it. {@link #keep} takes a tensor out of all scopes.
 */
public final class Torch {
  private static final int CHUNK = 1 << 18;
  private static final ThreadLocal<Boolean> PINNED = ThreadLocal.withInitial(Torch::pinThread);

  static {
    // JavaCPP would count mapped model files as its own memory and refuse to allocate.
    if (System.getProperty("org.bytedeco.javacpp.maxPhysicalBytes") == null) {
      System.setProperty("org.bytedeco.javacpp.maxPhysicalBytes", "0");
    }
    openblas_nolapack.blas_set_num_threads(1);
    torch.set_num_threads(1);
    torch.set_num_interop_threads(1);
  }

  private Torch() {}

  private static boolean pinThread() {
    torch.set_num_threads(1);
    return true;
  }

  /**
   * Runs {@code body} and frees the native memory it made, except its result: a tensor, or an
   * {@code Iterable} or {@code Map} with tensors as values.
   */
  public static <T> T scope(Supplier<T> body) {
    PINNED.get();
    T result;
    PointerScope inner = new PointerScope();
    try {
      result = body.get();
      forEachPointer(result, Pointer::retainReference);
    } finally {
      inner.close();
    }
    PointerScope outer = PointerScope.getInnerScope();
    if (outer != null) {
      forEachPointer(
          result,
          p -> {
            outer.attach(p);
            p.releaseReference();
          });
    }
    return result;
  }

  /** Runs {@code body} and frees all the native memory it made. */
  public static void run(Runnable body) {
    scope(
        () -> {
          body.run();
          return null;
        });
  }

  /** {@link #scope} with automatic differentiation off on this thread. */
  public static <T> T noGrad(Supplier<T> body) {
    return withGradients(false, body);
  }

  /**
   * {@link #noGrad} for a tensor that belongs to the caller, who closes it once, whether or not
   * there is a scope around.
   */
  public static Tensor owned(Supplier<Tensor> body) {
    Tensor[] out = new Tensor[1];
    run(() -> out[0] = keep(noGrad(body)));
    return out[0];
  }

  /** {@link #scope} with automatic differentiation on, also inside {@link #noGrad}. */
  public static <T> T withGrad(Supplier<T> body) {
    return withGradients(true, body);
  }

  private static <T> T withGradients(boolean enabled, Supplier<T> body) {
    return scope(
        () -> {
          AutoGradMode mode = new AutoGradMode(enabled);
          try {
            return body.get();
          } finally {
            mode.close();
          }
        });
  }

  /**
   * Takes a tensor of the enclosing scope out of every scope: it lives until its owner closes it
   * once. Outside all scopes the result of {@link #scope} belongs to the caller already.
   */
  public static Tensor keep(Tensor tensor) {
    return tensor.retainReference();
  }

  private static void forEachPointer(Object result, java.util.function.Consumer<Pointer> action) {
    switch (result) {
      case Pointer p -> action.accept(p);
      case Iterable<?> many -> many.forEach(each -> forEachPointer(each, action));
      case Map<?, ?> many -> many.values().forEach(each -> forEachPointer(each, action));
      case null, default -> {}
    }
  }

  /** Native objects (tensors, guards, option structs) alive and owned by Java. */
  public static long liveObjects() {
    Pointer.deallocateReferences();
    return Pointer.totalCount();
  }

  /** Resident memory of this process in bytes: what a leak of tensor data shows up in. */
  public static long residentBytes() {
    return Pointer.physicalBytes();
  }

  /** Uninitialised contiguous tensor. */
  public static Tensor empty(ScalarType type, long... shape) {
    return scope(() -> torch.empty(shape, new TensorOptions(type), new MemoryFormatOptional()));
  }

  /** A copy of {@code values} as fp32. */
  public static Tensor fromFloats(float[] values, long... shape) {
    return filled(ScalarType.Float, MemorySegment.ofArray(values), shape);
  }

  /** A copy of {@code values} as fp64. */
  public static Tensor fromDoubles(double[] values, long... shape) {
    return filled(ScalarType.Double, MemorySegment.ofArray(values), shape);
  }

  /** A copy of {@code values} as int64. */
  public static Tensor fromLongs(long[] values, long... shape) {
    return filled(ScalarType.Long, MemorySegment.ofArray(values), shape);
  }

  /** A copy of native-order fp32 values. */
  public static Tensor fromSegment(MemorySegment values, long... shape) {
    return filled(ScalarType.Float, values, shape);
  }

  /** Token ids {@code int64 [sequences, length]} of equally long sequences. */
  public static Tensor tokens(int[]... sequences) {
    int length = sequences[0].length;
    long[] ids = new long[sequences.length * length];
    for (int s = 0; s < sequences.length; s++) {
      if (sequences[s].length != length) {
        throw new IllegalArgumentException("sequences of one batch must be equally long");
      }
      for (int i = 0; i < length; i++) {
        ids[s * length + i] = sequences[s][i];
      }
    }
    return fromLongs(ids, sequences.length, length);
  }

  /** The values of a stored tensor, dequantized a few rows at a time; fp32 or fp64. */
  public static Tensor fromPacked(PackedTensor packed, ScalarType type) {
    Tensor out = empty(ScalarType.Float, packed.shape());
    long rows = packed.rows();
    int columns = packed.columns();
    int step = (int) Math.clamp(CHUNK / Math.max(1, columns), 1L, Math.max(1L, rows));
    float[] buffer = new float[Math.multiplyExact(step, columns)];
    MemorySegment target = view(out);
    for (long row = 0; row < rows; row += step) {
      int count = (int) Math.min(step, rows - row);
      packed.dequantize(row, row + count, buffer, 0);
      MemorySegment.copy(
          buffer, 0, target, ValueLayout.JAVA_FLOAT, row * columns * 4, count * columns);
    }
    if (type == ScalarType.Float) {
      return out;
    }
    Tensor converted = scope(() -> out.to(type));
    out.close();
    return converted;
  }

  /** All values as fp32, row-major. */
  public static float[] toFloats(Tensor tensor) {
    float[] out = new float[Math.toIntExact(tensor.numel())];
    copyOut(tensor, ScalarType.Float, MemorySegment.ofArray(out));
    return out;
  }

  /** All values as fp64, row-major. */
  public static double[] toDoubles(Tensor tensor) {
    double[] out = new double[Math.toIntExact(tensor.numel())];
    copyOut(tensor, ScalarType.Double, MemorySegment.ofArray(out));
    return out;
  }

  /** All values as int64, row-major. */
  public static long[] toLongs(Tensor tensor) {
    long[] out = new long[Math.toIntExact(tensor.numel())];
    copyOut(tensor, ScalarType.Long, MemorySegment.ofArray(out));
    return out;
  }

  /** Copies all values as native-order fp32 into {@code target}, which has exactly that size. */
  public static void copyTo(Tensor tensor, MemorySegment target) {
    copyOut(tensor, ScalarType.Float, target);
  }

  /** Writes rows {@code [from, to)} of a tensor {@code [rows, columns]} as fp32. */
  public static void readRows(Tensor matrix, long from, long to, float[] out, int offset) {
    run(
        () -> {
          Tensor rows = matrix.detach().narrow(0, from, to - from).to(ScalarType.Float);
          MemorySegment source = view(rows.contiguous());
          MemorySegment.copy(
              source, ValueLayout.JAVA_FLOAT, 0, out, offset, Math.toIntExact(rows.numel()));
        });
  }

  /**
   * The storage of a contiguous tensor as a segment, writable. Valid while the tensor is alive: the
   * caller sees to that.
   */
  @SuppressWarnings("restricted") // sizes come from libtorch itself
  public static MemorySegment view(Tensor tensor) {
    if (!tensor.is_contiguous()) {
      throw new IllegalArgumentException("only a contiguous tensor has a plain view");
    }
    Pointer data = tensor.data_ptr();
    return MemorySegment.ofAddress(data.address()).reinterpret(tensor.nbytes());
  }

  /** Shape as an array. */
  public static long[] shape(Tensor tensor) {
    long[] shape = new long[Math.toIntExact(tensor.dim())];
    for (int i = 0; i < shape.length; i++) {
      shape[i] = tensor.size(i);
    }
    return shape;
  }

  private static Tensor filled(ScalarType type, MemorySegment values, long... shape) {
    Tensor out = empty(type, shape);
    MemorySegment target = view(out);
    if (target.byteSize() != values.byteSize()) {
      out.close();
      throw new IllegalArgumentException(
          values.byteSize() + " bytes of values do not fill a shape of " + target.byteSize());
    }
    target.copyFrom(values);
    return out;
  }

  private static void copyOut(Tensor tensor, ScalarType type, MemorySegment target) {
    run(
        () -> {
          Tensor source = tensor.detach().to(type).contiguous();
          target.copyFrom(view(source));
        });
  }
}
