package dev.nibble.runtime.decoder;

import static dev.nibble.runtime.kernel.Lanes.PANEL;

import dev.nibble.core.model.ModelConfig;
import dev.nibble.runtime.kernel.Lanes;
import dev.nibble.runtime.kernel.Team;
import dev.nibble.runtime.kernel.Tile;
import dev.nibble.runtime.kernel.VectorMath;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * Attention of runs of new positions, each over its own cache, with grouped heads, sliding windows,
 * capped scores and ALiBi. Causal, but in an encoder, whose run is the whole text, both ways. Both
 * products run on the float tile: scores with key panels, outputs with value slices.
 *
 * <p>A chunk is up to {@link #HEADS} query heads of one key-value head times a few queries, at most
 * {@link #ROWS} rows of scores.
 */
final class Attention implements Team.Task {
  private static final int ROWS = 32;
  private static final int HEADS = 8;

  /** Keys per block of the second product: a slice of values stays in the first-level cache. */
  private static final int KEYS = 256;

  private final int heads;
  private final int headDim;
  private final int group;
  private final int[] windows;
  private final float scale;
  private final float cap;
  private final boolean causal;
  private final float[] slopes;
  private final int headsPerChunk;
  private final int headChunks;
  private final int queriesPerChunk;
  private final Space[] spaces;

  private Rows rows;
  private int layer;

  /** For each run the number of its first chunk. */
  private int[] firstChunks = {};

  private float[] q;
  private float[] out;

  Attention(ModelConfig config, int threads) {
    heads = config.heads();
    headDim = config.headDim();
    group = heads / config.kvHeads();
    windows = IntStream.range(0, config.layers()).map(config::window).toArray();
    scale = (float) config.attentionScale();
    cap = (float) config.scalars().attentionCap();
    causal = !config.encoder().present();
    slopes = config.positions() == ModelConfig.Positions.ALIBI ? slopes(config) : null;
    headsPerChunk = Math.min(group, HEADS);
    headChunks = (group + headsPerChunk - 1) / headsPerChunk;
    queriesPerChunk = Math.max(1, ROWS / headsPerChunk);
    spaces = new Space[threads];
    Arrays.setAll(spaces, i -> new Space(headDim, headsPerChunk * queriesPerChunk));
  }

  /**
   * ALiBi slopes (Press et al. 2022): powers of {@code 2^(-8/n)} for the largest power of two n,
   * the rest interleaved from {@code 2n}. Falcon scales the bias with the scores.
   */
  private static float[] slopes(ModelConfig config) {
    int heads = config.heads();
    int n = Integer.highestOneBit(heads);
    float[] slopes = new float[heads];
    for (int i = 0; i < heads; i++) {
      double exponent = i < n ? -8.0 / n * (i + 1) : -4.0 / n * (2 * (i - n) + 1);
      slopes[i] = (float) Math.pow(2, exponent);
      if (config.family().equals("falcon")) {
        slopes[i] /= (float) Math.sqrt(config.headDim());
      }
    }
    return slopes;
  }

  /**
   * Attends from the positions of all runs, whose keys and values are already in the caches.
   *
   * @param q {@code [rows, heads * headDim]}
   * @param out same shape
   */
  void run(Rows rows, int layer, float[] q, float[] out, Team team) {
    this.rows = rows;
    this.layer = layer;
    this.q = q;
    this.out = out;
    if (firstChunks.length < rows.runs()) {
      firstChunks = new int[2 * rows.runs()];
    }
    int chunks = 0;
    for (int i = 0; i < rows.runs(); i++) {
      firstChunks[i] = chunks;
      chunks += heads / group * headChunks * Math.ceilDiv(rows.run(i).count(), queriesPerChunk);
    }
    team.run(chunks, this);
  }

  /** The run of a chunk: the last that starts there or before, for dropped runs have no chunks. */
  private int runOf(int chunk) {
    int low = 0;
    int high = rows.runs() - 1;
    while (low < high) {
      int middle = (low + high + 1) >>> 1;
      if (firstChunks[middle] <= chunk) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return low;
  }

  @Override
  public void run(int chunkOfAll, int worker) {
    int index = runOf(chunkOfAll);
    Rows.Run run = rows.run(index);
    int chunk = chunkOfAll - firstChunks[index];
    int from = run.sequence().position();
    int headChunk = chunk % (heads / group * headChunks);
    int firstQuery = chunk / (heads / group * headChunks) * queriesPerChunk;
    int kvHead = headChunk / headChunks;
    int firstHead = kvHead * group + headChunk % headChunks * headsPerChunk;
    int lastHead = Math.min(firstHead + headsPerChunk, (kvHead + 1) * group);
    int queries = Math.min(queriesPerChunk, run.count() - firstQuery);
    int window = windows[layer];
    int begin = window == 0 ? 0 : Math.max(0, from + firstQuery - window + 1);
    begin -= begin % PANEL;
    int end = causal ? from + firstQuery + queries : from + run.count();
    Space s = spaces[worker];
    s.cache = run.sequence().cache();
    int array = layer * (heads / group) + kvHead;
    int firstRow = run.first() + firstQuery;
    s.lay(firstHead, lastHead, firstRow, queries, heads * headDim, headDim, end - begin);
    scores(s, array, begin, end);
    for (int i = 0; i < s.rows; i++) {
      weigh(s, i, firstHead + i / queries, from + firstQuery + i % queries, begin, end);
    }
    mix(s, array, begin, end);
  }

  private void scores(Space s, int array, int begin, int end) {
    for (int p = begin; p < end; p += PANEL) {
      float[] keys = s.cache.keys(array, p / PANEL, s.keys);
      int at = s.cache.keysAt(p / PANEL);
      Tile.multiply(
          keys, at, headDim, q, s.queryAt, 0, s.scores, s.scoreAt, p - begin, s.rows, false);
    }
  }

  /** Probabilities of one row; positions outside its window and future get 0. */
  private void weigh(Space s, int row, int head, int position, int begin, int end) {
    int window = windows[layer];
    int low = window == 0 ? 0 : Math.max(0, position - window + 1);
    int at = s.scoreAt[row] - begin;
    Arrays.fill(s.scores, at + begin, at + low, 0f);
    float slope = slopes == null ? 0 : slopes[head];
    int high = causal ? position + 1 : end;
    float factor = scale;
    if (cap > 0) {
      VectorMath.cap(s.scores, at + low, high - low, scale, cap);
      factor = 1;
    }
    VectorMath.softmax(s.scores, at + low, high - low, factor, slope);
    Arrays.fill(s.scores, at + high, at + end, 0f);
  }

  private void mix(Space s, int array, int begin, int end) {
    for (int slice = 0; slice < s.cache.slices; slice++) {
      for (int p = begin; p < end; p += KEYS) {
        int to = Math.min(end, p + KEYS);
        float[] values = s.cache.values(array, slice, p, to, s.values);
        Tile.multiply(
            values,
            s.cache.valuesAt(p),
            to - p,
            s.scores,
            s.scoreAt,
            p - begin,
            s.mixed,
            s.mixedAt,
            slice * PANEL,
            s.rows,
            p > begin);
      }
    }
    for (int i = 0; i < s.rows; i++) {
      System.arraycopy(s.mixed, s.mixedAt[i], out, s.queryAt[i], headDim);
    }
  }

  /** Working memory of one thread. */
  private static final class Space {
    final int[] queryAt;
    final int[] scoreAt;
    final int[] mixedAt;
    final float[] keys;
    final float[] values = new float[KEYS * PANEL];
    final float[] mixed;
    float[] scores = {};
    KvCache cache;
    int rows;

    Space(int headDim, int maxRows) {
      queryAt = new int[maxRows];
      scoreAt = new int[maxRows];
      mixedAt = new int[maxRows];
      keys = new float[headDim * PANEL];
      mixed = new float[maxRows * Lanes.padded(headDim)];
      for (int i = 0; i < maxRows; i++) {
        mixedAt[i] = i * Lanes.padded(headDim);
      }
    }

    /** Places the rows: heads outer, queries inner. */
    void lay(
        int firstHead, int lastHead, int firstRow, int queries, int stride, int headDim, int keys) {
      int width = Lanes.padded(keys);
      rows = (lastHead - firstHead) * queries;
      if (scores.length < rows * width) {
        scores = new float[queryAt.length * Integer.highestOneBit(2 * width)];
      }
      for (int i = 0; i < rows; i++) {
        queryAt[i] = (firstRow + i % queries) * stride + (firstHead + i / queries) * headDim;
        scoreAt[i] = i * width;
      }
    }
  }
}
