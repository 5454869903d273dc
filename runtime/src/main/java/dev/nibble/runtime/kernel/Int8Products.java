package dev.nibble.runtime.kernel;

import static dev.nibble.core.tensor.PackedFormat.ROWS;

import dev.nibble.runtime.packed.InputForm;
import dev.nibble.runtime.packed.InputTile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** Products with inputs rounded to 8 bits on a team of threads; owns the rounded inputs. */
final class Int8Products {
  /** Chunks per thread: enough for a thread that was interrupted not to be waited for. */
  private static final int CHUNKS = 4;

  /** Inputs that one thread rounds faster than several would. */
  private static final int ALONE = 8;

  /** Placements kept: the widths of a model, in a few numbers of inputs. */
  private static final int KEPT = 16;

  private final Team team;
  private final float[][] edges;
  private final MemorySegment[] edgeSegments;
  private final InputTile[][] layouts = new InputTile[3][InputTile.MOST + 1];
  private final RoundTask rounding = new RoundTask();
  private final ProductTask product = new ProductTask();
  private final ArraySegments segments = new ArraySegments();
  private MemorySegment memory = MemorySegment.NULL;
  private final Placement[] placements = new Placement[KEPT];
  private int nextPlacement;
  private Placement tiles;
  private int columns;
  private int tokens;
  private InputForm form;

  Int8Products(Team team) {
    this.team = team;
    this.edges = new float[team.threads()][0];
    this.edgeSegments = new MemorySegment[team.threads()];
    for (int n = 1; n <= InputTile.MOST; n++) {
      layouts[1][n] = new InputTile(n, 1);
      layouts[2][n] = new InputTile(n, 2);
    }
  }

  /** As {@link Products#multiply}; {@code same} when the input is that of the last call. */
  void multiply(
      Int8Matrix w,
      float[] bias,
      float[] x,
      int xOffset,
      int xStride,
      int count,
      float[] y,
      int yOffset,
      int yStride,
      boolean same) {
    if (!same || columns != w.columns() || tokens != count || !w.form().equals(form)) {
      place(w, count);
      rounding.set(w, segments.of(x), xOffset, xStride);
      if (count < ALONE) {
        for (int t = 0; t < count; t++) {
          rounding.run(t, 0);
        }
      } else {
        team.run(count, rounding);
      }
    }
    product.set(w, bias, y, yOffset, yStride);
    team.run(product.chunks(), product);
  }

  /** Another input follows: what is held is not the last one's. */
  void forget() {
    form = null;
  }

  /** Makes the tiles for a number of inputs, or takes those made before. */
  private void place(Int8Matrix w, int count) {
    form = w.form();
    columns = w.columns();
    tokens = count;
    for (Placement p : placements) {
      if (p != null && p.fits(columns, tokens, form.parts())) {
        tiles = p;
        return;
      }
    }
    int full = count / InputTile.MOST;
    int rest = count % InputTile.MOST;
    long tileBytes = layouts[form.parts()][InputTile.MOST].bytes(columns);
    long restBytes = rest == 0 ? 0 : layouts[form.parts()][rest].bytes(columns);
    long bytes = full * tileBytes + restBytes;
    if (memory.byteSize() < bytes) {
      memory = Arena.ofAuto().allocate(bytes, 64);
      Arrays.fill(placements, null);
    }
    MemorySegment[] each = new MemorySegment[full + (rest > 0 ? 1 : 0)];
    for (int i = 0; i < each.length; i++) {
      each[i] = memory.asSlice(i * tileBytes, i < full ? tileBytes : restBytes);
    }
    MemorySegment whole = memory.asSlice(0, full * tileBytes);
    tiles = new Placement(columns, tokens, form.parts(), whole, each);
    placements[nextPlacement] = tiles;
    nextPlacement = (nextPlacement + 1) % KEPT;
  }

  /**
   * Where tiles lie.
   *
   * @param columns of an input
   * @param tokens inputs
   * @param parts corrections of a block
   * @param full all tiles of {@link InputTile#MOST} inputs
   * @param each every tile
   */
  private record Placement(
      int columns, int tokens, int parts, MemorySegment full, MemorySegment[] each) {

    boolean fits(int otherColumns, int otherTokens, int otherParts) {
      return columns == otherColumns && tokens == otherTokens && parts == otherParts;
    }
  }

  private InputTile layoutOf(int tile) {
    return layouts[form.parts()][Math.min(InputTile.MOST, tokens - tile * InputTile.MOST)];
  }

  /** Rounds one input. */
  private final class RoundTask implements Team.Task {
    private Int8Matrix w;
    private MemorySegment x;
    private int offset;
    private int stride;

    void set(Int8Matrix w, MemorySegment x, int offset, int stride) {
      this.w = w;
      this.x = x;
      this.offset = offset;
      this.stride = stride;
    }

    @Override
    public void run(int t, int worker) {
      int tile = t / InputTile.MOST;
      w.round(x, offset + t * stride, layoutOf(tile), t % InputTile.MOST, tiles.each[tile]);
    }
  }

  /** All inputs with some row groups. */
  private final class ProductTask implements Team.Task {
    private Int8Matrix w;
    private float[] bias;
    private float[] y;
    private MemorySegment ySegment;
    private int offset;
    private int stride;
    private int perChunk;

    void set(Int8Matrix w, float[] bias, float[] y, int offset, int stride) {
      this.w = w;
      this.bias = bias;
      this.y = y;
      this.ySegment = segments.of(y);
      this.offset = offset;
      this.stride = stride;
      int wanted = team.threads() == 1 && tokens == 1 ? 1 : CHUNKS * team.threads();
      this.perChunk = Math.max(1, Math.ceilDiv(w.rowGroups(), wanted));
    }

    int chunks() {
      return Math.ceilDiv(w.rowGroups(), perChunk);
    }

    @Override
    public void run(int chunk, int worker) {
      int from = chunk * perChunk;
      int to = Math.min(w.rowGroups(), from + perChunk);
      int whole = Math.min(to, w.rows() / ROWS);
      if (whole > from) {
        multiply(from, whole, ySegment, offset + from * ROWS, stride);
      }
      if (whole < to) {
        edge(whole, worker);
      }
      if (bias != null) {
        addBias(from * ROWS, Math.min(w.rows(), to * ROWS));
      }
    }

    private void multiply(int from, int to, MemorySegment target, int at, int step) {
      int full = tokens / InputTile.MOST;
      if (full > 0) {
        w.multiply(
            from, to, layouts[form.parts()][InputTile.MOST], tiles.full, full, target, at, step);
      }
      if (full < tiles.each.length) {
        int behind = at + full * InputTile.MOST * step;
        w.multiply(from, to, layoutOf(full), tiles.each[full], 1, target, behind, step);
      }
    }

    /** A row group that is not full goes to an array of its own first. */
    private void edge(int group, int worker) {
      if (edges[worker].length < tokens * ROWS) {
        edges[worker] = new float[tokens * ROWS];
        edgeSegments[worker] = MemorySegment.ofArray(edges[worker]);
      }
      float[] edge = edges[worker];
      multiply(group, group + 1, edgeSegments[worker], 0, ROWS);
      int first = group * ROWS;
      for (int t = 0; t < tokens; t++) {
        System.arraycopy(edge, t * ROWS, y, offset + t * stride + first, w.rows() - first);
      }
    }

    private void addBias(int from, int to) {
      for (int t = 0; t < tokens; t++) {
        int at = offset + t * stride;
        for (int r = from; r < to; r++) {
          y[at + r] += bias[r];
        }
      }
    }
  }
}
