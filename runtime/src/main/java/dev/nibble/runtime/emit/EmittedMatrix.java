package dev.nibble.runtime.emit;

import dev.nibble.core.tensor.PackedFormat;
import dev.nibble.runtime.kernel.Input;
import dev.nibble.runtime.kernel.Int8Matrix;
import dev.nibble.runtime.kernel.Matrix;
import dev.nibble.runtime.kernel.Scratch;
import dev.nibble.runtime.packed.InputForm;
import dev.nibble.runtime.packed.InputTile;
import dev.nibble.runtime.packed.PackedReference;
import dev.nibble.runtime.packed.PackedWeights;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/** A weight multiplied by emitted code; exact values come from the weight as it is stored. */
final class EmittedMatrix implements Int8Matrix {
  private static final ThreadLocal<Arguments> ARGUMENTS = ThreadLocal.withInitial(Arguments::new);

  private final Matrix stored;
  private final PackedWeights weights;
  private final InputForm form;
  private final NativeCode input;
  private final int[] masks;
  private final byte[] table;
  private final NativeCode[] products = new NativeCode[InputTile.MOST + 1];

  /**
   * Binds a weight.
   *
   * @param stored the same weight with exact kernels
   * @throws IllegalStateException when the system refuses machine code
   */
  EmittedMatrix(Matrix stored, PackedWeights weights) {
    this.stored = stored;
    this.weights = weights;
    this.form = InputForm.of(weights);
    this.input = EmittedKernels.input(form);
    this.masks = Codes.maskValues(weights.format());
    this.table = weights.table();
  }

  @Override
  public int rows() {
    return weights.rows();
  }

  @Override
  public int columns() {
    return weights.columns();
  }

  @Override
  public long byteSize() {
    return weights.data().byteSize();
  }

  @Override
  public String kernel() {
    PackedFormat format = weights.format();
    String kind = format.mins() ? "-mins" : format.table() ? "-table" : "";
    return "emitted" + format.bits() + kind;
  }

  @Override
  public void prepare(float[] x, int offset, Input into) {
    stored.prepare(x, offset, into);
  }

  @Override
  public void multiply(int from, int to, Input x, float[] y, int yOffset, Scratch scratch) {
    stored.multiply(from, to, x, y, yOffset, scratch);
  }

  @Override
  public void decode(int from, int to, float[] out, int offset, Scratch scratch) {
    stored.decode(from, to, out, offset, scratch);
  }

  @Override
  public InputForm form() {
    return form;
  }

  @Override
  public int rowGroups() {
    return weights.rowGroups();
  }

  @Override
  public void round(MemorySegment x, int at, InputTile layout, int token, MemorySegment tile) {
    Objects.checkFromIndexSize(4L * at, 4L * columns(), x.byteSize());
    Objects.checkIndex(token, layout.tokens());
    requireTiles(tile, layout, 1);
    Arguments args = ARGUMENTS.get();
    args.set(Arguments.BLOCKS, columns() / PackedFormat.BLOCK);
    args.set(Arguments.CODES, tile.address() + layout.codesAt(token));
    args.set(Arguments.SCALES, tile.address() + layout.scaleAt(token));
    args.set(Arguments.CORRECTIONS, tile.address() + layout.correctionAt(token, 0));
    args.set(
        Arguments.MORE_CORRECTIONS,
        tile.address() + layout.correctionAt(token, layout.parts() - 1));
    args.set(Arguments.STEP, layout.blockBytes());
    args.set(Arguments.IN, 4L * at);
    args.setInt(Arguments.CONSTANTS, 0x7FFFFFFF);
    args.setFloat(Arguments.CONSTANTS + 4, PackedReference.FLOOR);
    args.setFloat(Arguments.CONSTANTS + 8, 127f);
    args.setFloat(Arguments.CONSTANTS + 12, form.factor() / 127f);
    args.setInt(Arguments.CONSTANTS + 16, -form.offset());
    input.call(args.address(), x);
  }

  @Override
  public void multiply(
      int from,
      int to,
      InputTile layout,
      MemorySegment tiles,
      int count,
      MemorySegment y,
      int at,
      int stride) {
    NativeCode code = products[layout.tokens()];
    if (code == null) {
      code = EmittedKernels.product(weights.format(), layout);
      products[layout.tokens()] = code;
    }
    multiply(code, from, to, layout, tiles, count, y, at, stride);
  }

  /** With a given kernel. */
  void multiply(
      NativeCode code,
      int from,
      int to,
      InputTile layout,
      MemorySegment tiles,
      int count,
      MemorySegment y,
      int at,
      int stride) {
    int rows = (to - from) * PackedFormat.ROWS;
    Objects.checkFromToIndex(from, to, weights.rowGroups());
    if (from == to || count == 0) {
      return;
    }
    requireTiles(tiles, layout, count);
    if (at < 0 || stride < rows) {
      throw new IndexOutOfBoundsException("outputs " + stride + " apart hold no " + rows + " rows");
    }
    long last = at + ((long) count * layout.tokens() - 1) * stride + rows;
    if (4 * last > y.byteSize()) {
      throw new IndexOutOfBoundsException(last + " outputs do not fit into the array");
    }
    Arguments args = ARGUMENTS.get();
    args.set(Arguments.WEIGHTS, weights.data().address() + from * weights.rowGroupBytes());
    args.set(Arguments.TILES, tiles.address());
    args.set(Arguments.GROUPS, weights.groups());
    args.set(Arguments.ROW_GROUPS, to - from);
    args.set(Arguments.OUT, 4L * at);
    args.set(Arguments.OUT_STRIDE, 4L * stride);
    args.set(Arguments.TILE_COUNT, count);
    for (int i = 0; i < masks.length; i++) {
      args.setInt(Arguments.MASKS + 4 * i, masks[i]);
    }
    args.setBytes(Arguments.TABLE, table);
    // the weights go along, unused, so that a mapped file stays mapped until the call returns
    code.call(args.address(), y, weights.data(), MemorySegment.NULL);
  }

  private void requireTiles(MemorySegment tiles, InputTile layout, int count) {
    if (layout.parts() != form.parts()) {
      throw new IllegalArgumentException("the tiles are not made for this weight");
    }
    if (!tiles.isNative() || tiles.byteSize() < count * layout.bytes(columns())) {
      throw new IndexOutOfBoundsException("the tiles are too short for " + count);
    }
  }
}
