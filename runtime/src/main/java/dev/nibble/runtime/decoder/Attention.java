package dev.nibble.runtime.decoder;

import static dev.nibble.runtime.kernel.Lanes.PANEL;

import dev.nibble.core.model.ModelConfig;
import dev.nibble.runtime.kernel.FloatKernels;
import dev.nibble.runtime.kernel.Lanes;
import dev.nibble.runtime.kernel.Team;
import dev.nibble.runtime.kernel.VectorMath;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * Attention of runs of new positions, each over its own cache, with grouped heads, sliding windows,
 * capped scores and ALiBi. Causal, but in an encoder, whose run is the whole text, both ways. Both
 * products run on the float tile: scores with key panels, outputs with value slices.
 *
 * <p>A chunk is up to {@link #HEADS} query heads of one key-value head times a few queries, at most
 * {@link #ROWS} rows of scores. It runs over the keys in blocks of {@link #KEYS} with a running
 * maximum and sum for each row (the online softmax of Milakov and Gimelshein 2018), so working
 * memory does not grow with the context. Blocks depend on positions alone, never on threads.
 */
final class Attention implements Team.Task {
  private static final int ROWS = 32;
  private static final int HEADS = 8;

  /** Keys per block of the softmax: what a row of scores holds, however long the context. */
  private static final int KEYS = 1024;

  /** Keys per part of the second product: a slice of values stays in the first-level cache. */
  private static final int MIXED = 256;

  /** Between rows of scores; no power of two, so that rows do not share cache sets. */
  private static final int STRIDE = KEYS + PANEL;

  private final FloatKernels floats;
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

  Attention(ModelConfig config, FloatKernels floats, int threads) {
    this.floats = floats;
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
    s.lay(firstHead, lastHead, firstRow, queries, heads * headDim, headDim);
    for (int block = begin; block < end; block += KEYS) {
      int to = Math.min(end, block + KEYS);
      scores(s, array, block, to);
      for (int i = 0; i < s.rows; i++) {
        weigh(s, i, firstHead + i / queries, from + firstQuery + i % queries, block, to);
      }
      mix(s, array, block, to, block > begin);
    }
    for (int i = 0; i < s.rows; i++) {
      VectorMath.scale(s.mixed, s.mixedAt[i], headDim, 1 / s.sums[i]);
      System.arraycopy(s.mixed, s.mixedAt[i], out, s.queryAt[i], headDim);
    }
  }

  private void scores(Space s, int array, int begin, int end) {
    KeyStore keys = s.cache.keys();
    for (int p = begin; p < end; p += PANEL) {
      keys.panel(array, p / PANEL, s.keys);
      floats.tile(
          s.keys, 0, headDim, q, s.queryAt, 0, s.scores, s.scoreAt, p - begin, s.rows, false);
    }
  }

  /**
   * Turns one row's scores of a block into weights {@code e^(score − maximum so far)} and brings
   * what is mixed already to that maximum; positions outside its window and future get 0.
   */
  private void weigh(Space s, int row, int head, int position, int begin, int end) {
    int window = windows[layer];
    int low = window == 0 ? begin : Math.clamp(position - window + 1, begin, end);
    int high = causal ? Math.clamp(position + 1, low, end) : end;
    int at = s.scoreAt[row] - begin;
    Arrays.fill(s.scores, at + begin, at + low, 0f);
    Arrays.fill(s.scores, at + high, at + end, 0f);
    if (low == high) {
      return;
    }
    float factor = scale;
    if (cap > 0) {
      VectorMath.cap(s.scores, at + low, high - low, scale, cap);
      factor = 1;
    }
    float slope = slopes == null ? 0 : slopes[head];
    float max = VectorMath.scaled(s.scores, at + low, high - low, factor, slope, low - position);
    float before = s.maxima[row];
    if (max > before) {
      float shrink = (float) Math.exp(before - max);
      VectorMath.scale(s.mixed, s.mixedAt[row], headDim, shrink);
      s.sums[row] *= shrink;
      s.maxima[row] = max;
    }
    s.sums[row] += floats.exponentials(s.scores, at + low, high - low, s.maxima[row]);
  }

  private void mix(Space s, int array, int begin, int end, boolean add) {
    ValueStore values = s.cache.values();
    for (int slice = 0; slice < s.cache.shape().slices(); slice++) {
      for (int p = begin; p < end; p += MIXED) {
        int to = Math.min(end, p + MIXED);
        values.slice(array, slice, p, to, s.values);
        floats.tile(
            s.values,
            0,
            to - p,
            s.scores,
            s.scoreAt,
            p - begin,
            s.mixed,
            s.mixedAt,
            slice * PANEL,
            s.rows,
            add || p > begin);
      }
    }
  }

  /** Working memory of one thread. */
  private static final class Space {
    final int[] queryAt;
    final int[] scoreAt;
    final int[] mixedAt;
    final float[] keys;
    final float[] values = new float[MIXED * PANEL];
    final float[] scores;
    final float[] maxima;
    final float[] sums;
    final float[] mixed;
    KvCache cache;
    int rows;

    Space(int headDim, int maxRows) {
      queryAt = new int[maxRows];
      scoreAt = new int[maxRows];
      mixedAt = new int[maxRows];
      keys = new float[(headDim + 7) * PANEL];
      scores = new float[maxRows * STRIDE];
      maxima = new float[maxRows];
      sums = new float[maxRows];
      mixed = new float[maxRows * Lanes.padded(headDim)];
      for (int i = 0; i < maxRows; i++) {
        scoreAt[i] = i * STRIDE;
        mixedAt[i] = i * Lanes.padded(headDim);
      }
    }

    /** Places the rows: heads outer, queries inner. */
    void lay(int firstHead, int lastHead, int firstRow, int queries, int stride, int headDim) {
      rows = (lastHead - firstHead) * queries;
      for (int i = 0; i < rows; i++) {
        queryAt[i] = (firstRow + i % queries) * stride + (firstHead + i / queries) * headDim;
      }
      Arrays.fill(maxima, 0, rows, Float.NEGATIVE_INFINITY);
      Arrays.fill(sums, 0, rows, 0f);
    }
  }
}
