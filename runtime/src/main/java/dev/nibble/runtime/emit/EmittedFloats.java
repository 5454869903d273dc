package dev.nibble.runtime.emit;

import dev.nibble.runtime.kernel.ArraySegments;
import dev.nibble.runtime.kernel.FloatKernels;
import dev.nibble.runtime.kernel.Lanes;
import dev.nibble.runtime.kernel.VectorMath;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Objects;
import java.util.SplittableRandom;

/**
 * The float loops as machine code: as fast as compiled Vector API code, but from the first call on,
 * where that is interpreted for seconds.
 */
public final class EmittedFloats implements FloatKernels {
  private static final System.Logger LOG = System.getLogger(EmittedFloats.class.getName());
  private static final int LANES = 16;

  private static final ThreadLocal<Frame> FRAMES = ThreadLocal.withInitial(Frame::new);

  private final NativeCode[] replacing = new NativeCode[FloatTileKernel.MOST + 1];
  private final NativeCode[] adding = new NativeCode[FloatTileKernel.MOST + 1];
  private final NativeCode shifted;
  private final NativeCode swiglu;

  /** What a thread needs for calls. */
  private static final class Frame {
    final Arguments tiles = new Arguments();

    /** Holds the constants of the exponential all the time. */
    final Arguments functions = new Arguments();

    final ArraySegments segments = new ArraySegments();
    final MemorySegment sums = Arena.ofAuto().allocate(4L * LANES, 64);

    Frame() {
      ExponentialKernel.constants(functions);
    }
  }

  private EmittedFloats() {
    for (int n = 1; n <= FloatTileKernel.MOST; n++) {
      replacing[n] = NativeCode.install(FloatTileKernel.emit(n, false));
      adding[n] = NativeCode.install(FloatTileKernel.emit(n, true));
    }
    shifted = NativeCode.install(ExponentialKernel.shifted());
    swiglu = NativeCode.install(ExponentialKernel.swiglu());
  }

  /** These where they work, else the Vector API's. */
  public static FloatKernels orVector() {
    return Holder.BEST;
  }

  /** Made and tried once. */
  private static final class Holder {
    static final FloatKernels BEST = make();

    private static FloatKernels make() {
      if (!Processor.current().avx512Vnni() || Lanes.PANEL != 32) {
        return FloatKernels.VECTOR;
      }
      try {
        EmittedFloats floats = new EmittedFloats();
        floats.check();
        return floats;
      } catch (IllegalStateException e) {
        LOG.log(
            System.Logger.Level.WARNING, "no machine code for float loops: {0}", e.getMessage());
        return FloatKernels.VECTOR;
      }
    }
  }

  @Override
  public void tile(
      float[] panel,
      int p,
      int k,
      float[] x,
      int[] xs,
      int xShift,
      float[] y,
      int[] ys,
      int yShift,
      int tokens,
      boolean add) {
    if (k == 0) {
      FloatKernels.VECTOR.tile(panel, p, k, x, xs, xShift, y, ys, yShift, tokens, add);
      return;
    }
    Objects.checkFromIndexSize(p, FloatTileKernel.WIDTH * k, panel.length);
    Frame frame = FRAMES.get();
    Arguments args = frame.tiles;
    MemorySegment panels = frame.segments.of(panel);
    MemorySegment inputs = frame.segments.of(x);
    MemorySegment outputs = frame.segments.of(y);
    args.set(Arguments.PANEL, 4L * p);
    args.set(Arguments.LENGTH, k);
    for (int first = 0; first < tokens; first += FloatTileKernel.MOST) {
      int count = Math.min(FloatTileKernel.MOST, tokens - first);
      for (int t = 0; t < count; t++) {
        int from = Objects.checkFromIndexSize(xs[first + t] + xShift, k, x.length);
        int to =
            Objects.checkFromIndexSize(ys[first + t] + yShift, FloatTileKernel.WIDTH, y.length);
        args.set(Arguments.TILE_IN + 8 * t, 4L * (from + k));
        args.set(Arguments.TILE_OUT + 8 * t, 4L * to);
      }
      (add ? adding : replacing)[count].call(args.address(), panels, inputs, outputs);
    }
  }

  @Override
  public void swiglu(float[] gate, float[] up, int at, int n) {
    int whole = n / LANES * LANES;
    Objects.checkFromIndexSize(at, n, Math.min(gate.length, up.length));
    if (whole > 0) {
      Frame frame = FRAMES.get();
      Arguments args = frame.functions;
      args.set(Arguments.FIRST, 4L * at);
      args.set(Arguments.SECOND, 4L * at);
      args.set(Arguments.VECTORS, whole / LANES);
      swiglu.call(
          args.address(), frame.segments.of(gate), frame.segments.of(up), MemorySegment.NULL);
    }
    if (whole < n) {
      FloatKernels.VECTOR.swiglu(gate, up, at + whole, n - whole);
    }
  }

  @Override
  public float exponentials(float[] a, int offset, int n, float max) {
    Objects.checkFromIndexSize(offset, Math.ceilDiv(n, LANES) * LANES, a.length);
    if (n == 0) {
      return 0;
    }
    int whole = VectorMath.padForExponentials(a, offset, n, max);
    Frame frame = FRAMES.get();
    Arguments args = frame.functions;
    args.set(Arguments.FIRST, 4L * offset);
    args.set(Arguments.VECTORS, whole / LANES);
    args.setFloat(Arguments.PARAMETER, max);
    shifted.call(args.address(), frame.segments.of(a), frame.sums, MemorySegment.NULL);
    Arrays.fill(a, offset + n, offset + whole, 0f);
    return folded(frame.sums);
  }

  /** Sum of 16 lanes by halves, the order of the Vector API's kernels. */
  private static float folded(MemorySegment lanes) {
    float sum = 0;
    for (int half = LANES / 2; half > 0; half /= 2) {
      for (int i = 0; i < half; i++) {
        sum =
            lanes.getAtIndex(ValueLayout.JAVA_FLOAT, i)
                + lanes.getAtIndex(ValueLayout.JAVA_FLOAT, i + half);
        lanes.setAtIndex(ValueLayout.JAVA_FLOAT, i, sum);
      }
    }
    return lanes.getAtIndex(ValueLayout.JAVA_FLOAT, 0);
  }

  /** Compares with the Vector API, which computes the same bits. */
  private void check() {
    SplittableRandom random = new SplittableRandom(3);
    int k = 3;
    int tokens = FloatTileKernel.MOST + 1;
    float[] panel = EmittedKernels.gaussian(random, FloatTileKernel.WIDTH * k);
    float[] x = EmittedKernels.gaussian(random, tokens * k);
    float[] y = EmittedKernels.gaussian(random, tokens * FloatTileKernel.WIDTH);
    float[] expected = y.clone();
    int[] xs = new int[tokens];
    int[] ys = new int[tokens];
    for (int t = 0; t < tokens; t++) {
      xs[t] = t * k;
      ys[t] = t * FloatTileKernel.WIDTH;
    }
    for (int n = 1; n <= tokens; n++) {
      for (boolean add : new boolean[] {true, false}) {
        tile(panel, 0, k, x, xs, 0, y, ys, 0, n, add);
        FloatKernels.VECTOR.tile(panel, 0, k, x, xs, 0, expected, ys, 0, n, add);
        require(Arrays.equals(y, expected), "float tiles");
      }
    }
    float[] gate = EmittedKernels.gaussian(random, 2 * LANES);
    float[] same = gate.clone();
    swiglu(gate, panel, 0, 2 * LANES);
    FloatKernels.VECTOR.swiglu(same, panel, 0, 2 * LANES);
    require(Arrays.equals(gate, same), "activations");
    float sum = exponentials(gate, 0, LANES + 1, 3f);
    require(sum == FloatKernels.VECTOR.exponentials(same, 0, LANES + 1, 3f), "exponentials");
    require(Arrays.equals(gate, same), "exponentials");
  }

  private static void require(boolean holds, String what) {
    if (!holds) {
      throw new IllegalStateException(
          "emitted " + what + " differ on this processor; start with -Dnibble.emit=off");
    }
  }
}
