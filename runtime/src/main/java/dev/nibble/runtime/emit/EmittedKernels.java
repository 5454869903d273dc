package dev.nibble.runtime.emit;

import dev.nibble.core.tensor.PackedFormat;
import dev.nibble.runtime.packed.InputForm;
import dev.nibble.runtime.packed.InputTile;
import dev.nibble.runtime.packed.PackedReference;
import dev.nibble.runtime.packed.PackedWeights;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The kernels of this process, each made when it is first asked for and compared with the scalar
 * reference before it is handed out.
 */
final class EmittedKernels {
  private static final Map<Key, NativeCode> PRODUCTS = new ConcurrentHashMap<>();
  private static final Map<InputKey, NativeCode> INPUTS = new ConcurrentHashMap<>();

  /** Row groups and column groups of the weight that a new kernel is tried on. */
  private static final int TRIED = 2;

  private record InputKey(int parts, boolean mins) {}

  private record Key(PackedFormat format, int tokens) {}

  private EmittedKernels() {}

  /**
   * The kernel that rounds inputs.
   *
   * @throws IllegalStateException when the system refuses machine code
   */
  static NativeCode input(InputForm form) {
    return INPUTS.computeIfAbsent(
        new InputKey(form.parts(), form.mins()),
        key -> NativeCode.install(InputKernel.emit(key.parts, key.mins)));
  }

  /**
   * The kernel for products of a layout with tiles.
   *
   * @throws IllegalStateException when the system refuses machine code or its results are wrong
   */
  static NativeCode product(PackedFormat format, InputTile tile) {
    return PRODUCTS.computeIfAbsent(
        new Key(format, tile.tokens()), k -> checked(emit(format, tile), format, tile));
  }

  /** Code for products, not yet checked. */
  static byte[] emit(PackedFormat format, InputTile tile) {
    return tile.tokens() <= FewKernel.MOST
        ? FewKernel.emit(format, tile)
        : ManyKernel.emit(format, tile);
  }

  /**
   * Installs code and compares what it computes with the reference.
   *
   * @throws IllegalStateException when the system refuses the code or its results are wrong
   */
  static NativeCode checked(byte[] emitted, PackedFormat format, InputTile tile) {
    NativeCode code = NativeCode.install(emitted);
    try (Arena arena = Arena.ofConfined()) {
      check(code, format, tile, arena);
    }
    return code;
  }

  private static void check(NativeCode code, PackedFormat format, InputTile tile, Arena arena) {
    SplittableRandom random = new SplittableRandom(tile.tokens());
    int rows = TRIED * PackedFormat.ROWS;
    int columns = TRIED * format.groupColumns();
    PackedWeights weights = randomWeights(format, rows, columns, arena, random);
    EmittedMatrix matrix = new EmittedMatrix(null, weights);
    MemorySegment tiles = arena.allocate(tile.bytes(columns), 64);
    MemorySegment expected = arena.allocate(tiles.byteSize(), 64);
    float[] x = gaussian(random, tile.tokens() * columns);
    MemorySegment inputs = MemorySegment.ofArray(x);
    InputForm form = InputForm.of(weights);
    for (int t = 0; t < tile.tokens(); t++) {
      matrix.round(inputs, t * columns, tile, t, tiles);
      PackedReference.quantize(x, t * columns, columns, form, tile, t, expected);
    }
    require(tiles.mismatch(expected) == -1, "inputs", format, tile);
    float[] y = new float[tile.tokens() * rows];
    matrix.multiply(code, 0, TRIED, tile, tiles, 1, MemorySegment.ofArray(y), 0, rows);
    for (int t = 0; t < tile.tokens(); t++) {
      for (int r = 0; r < rows; r++) {
        float wanted = PackedReference.multiply(weights, r, tiles, tile, t);
        require(
            Float.floatToRawIntBits(wanted) == Float.floatToRawIntBits(y[t * rows + r]),
            "products",
            format,
            tile);
      }
    }
  }

  /** Normally distributed inputs of a trial. */
  static float[] gaussian(SplittableRandom random, int n) {
    float[] x = new float[n];
    for (int i = 0; i < n; i++) {
      x[i] = (float) random.nextGaussian();
    }
    return x;
  }

  private static void require(boolean holds, String what, PackedFormat format, InputTile tile) {
    if (!holds) {
      throw new IllegalStateException(
          "emitted code computes wrong "
              + what
              + " for "
              + format
              + " with "
              + tile.tokens()
              + " inputs on this processor; start with -Dnibble.emit=off");
    }
  }

  /** Random codes with scales and mins around 1. */
  private static PackedWeights randomWeights(
      PackedFormat format, int rows, int columns, Arena arena, SplittableRandom random) {
    MemorySegment data = arena.allocate(format.byteSize(rows, columns), 64);
    for (long i = 0; i < data.byteSize(); i++) {
      data.set(ValueLayout.JAVA_BYTE, i, (byte) random.nextInt());
    }
    byte[] table = new byte[format.table() ? PackedFormat.TABLE : 0];
    random.nextBytes(table);
    PackedWeights weights = new PackedWeights(format, rows, columns, 0.25f, table, data);
    for (long g = 0; g < data.byteSize(); g += format.groupBytes()) {
      for (int at = format.scalesAt(0); at < format.groupBytes(); at += 2) {
        float value = (float) (random.nextDouble() + 0.5);
        data.set(ValueLayout.JAVA_SHORT_UNALIGNED, g + at, Float.floatToFloat16(value));
      }
    }
    return weights;
  }
}
