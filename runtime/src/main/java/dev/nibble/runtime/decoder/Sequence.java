package dev.nibble.runtime.decoder;

import dev.nibble.core.NibbleException;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.runtime.kernel.Products;
import dev.nibble.runtime.kernel.Team;
import dev.nibble.runtime.kernel.VectorMath;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;

/**
 * One running sequence: a cache and the working memory of the forward pass. Not safe for concurrent
 * use. Decoding a token allocates nothing once the cache has its size.
 */
public final class Sequence {
  private final Network net;
  private final ModelConfig config;
  private final Products products;
  private final Team team;
  private final Linears linears;
  private final Attention attention;
  private final KvCache cache;

  /** For each layer its table, or null without rotary positions; layers that attend alike share. */
  private final List<RotaryTable> rotary;

  private final HeadTask headTask = new HeadTask();
  private final FeedForwardRun feedForward;
  private final NormRows norms;
  private final int limit;
  private int position;
  private int room;
  private float[] hidden = {};
  private float[] normed = {};
  private float[] q = {};
  private float[] k = {};
  private float[] v = {};
  private float[] mixed = {};
  private float[] delta = {};

  /**
   * An empty sequence.
   *
   * @param products threads and kernel working memory; used by one sequence at a time
   * @param limit most positions
   */
  public Sequence(Network net, Products products, KvKind kind, int limit) {
    this.net = net;
    this.config = net.config();
    this.products = products;
    this.team = products.team();
    this.limit = limit;
    this.linears = new Linears(products);
    this.feedForward = new FeedForwardRun(config, team, linears);
    this.norms = new NormRows(team);
    this.attention = new Attention(config, team.threads());
    this.cache = KvCache.create(kind, config, limit);
    this.rotary = config.positions() == ModelConfig.Positions.ROPE ? RotaryTable.of(config) : null;
  }

  /** Tokens in the cache. */
  public int position() {
    return position;
  }

  /** Most positions. */
  public int limit() {
    return limit;
  }

  /** Bytes of the cache now. */
  public long cacheBytes() {
    return cache.byteSize();
  }

  /** Forgets positions from {@code length} on. */
  public void truncate(int length) {
    if (length < 0 || length > position) {
      throw new IllegalArgumentException("cannot cut " + position + " positions to " + length);
    }
    position = length;
  }

  /**
   * Runs tokens through the blocks and appends them to the cache. Afterwards {@link #head} gives
   * the logits of any of them.
   *
   * @param tokens ids, {@code count} from {@code offset}
   * @param total length the sequence is known to reach; matters to length-dependent rotary scaling
   * @param cancelled asked between blocks
   * @throws NibbleException for a token outside the vocabulary or a full context
   * @throws CancellationException when asked to stop; the tokens are not appended
   */
  public void append(int[] tokens, int offset, int count, int total, BooleanSupplier cancelled) {
    if (position + count > limit) {
      throw new NibbleException(
          "the context is full: "
              + (position + count)
              + " tokens, but the session holds "
              + limit
              + "; shorten the prompt or raise the context length");
    }
    reserve(count);
    cache.reserve(position + count);
    if (rotary != null) {
      for (RotaryTable table : rotary) {
        table.reserve(Math.max(total, position + count));
      }
    }
    embed(tokens, offset, count);
    for (int i = 0; i < net.layers().size(); i++) {
      if (cancelled.getAsBoolean()) {
        throw new CancellationException("cancelled");
      }
      block(net.layers().get(i), i, count);
    }
    position += count;
  }

  /**
   * Logits of some of the tokens of the last {@link #append}.
   *
   * @param from first row within that call
   * @param count rows
   * @param logits {@code [count, vocab]} from index 0
   */
  public void head(int from, int count, float[] logits) {
    int h = config.hiddenSize();
    float[] x = hidden;
    int at = from * h;
    if (net.headTransform() != null) {
      encoderHead(from, count, logits);
      return;
    }
    if (net.finalNorm() != null) {
      norm(net.finalNorm(), hidden, at, normed, 0, count, h);
      x = normed;
      at = 0;
    }
    if (net.projectOut() != null) {
      linears.alone(net.projectOut(), x, at, count, delta);
      x = delta;
      at = 0;
    }
    linears.alone(net.head(), x, at, count, logits);
    if (config.scalars().logitCap() > 0) {
      float cap = (float) config.scalars().logitCap();
      VectorMath.cap(logits, 0, count * config.vocabSize(), 1, cap);
    }
  }

  /** Transform and last linear of an encoder's head. */
  private void encoderHead(int from, int count, float[] out) {
    Network.Transform transform = net.headTransform();
    int width = transform.dense().outputs();
    linears.alone(transform.dense(), hidden, from * config.hiddenSize(), count, delta);
    FeedForwardRun.activate(config.encoder().headActivation(), delta, 0, count * width);
    if (transform.norm() != null) {
      norm(transform.norm(), delta, 0, delta, 0, count, width);
    }
    linears.alone(net.head(), delta, 0, count, out);
  }

  /** Copies the vectors of the last {@link #append} into {@code out [count, hidden]}. */
  public void hidden(int count, float[] out) {
    System.arraycopy(hidden, 0, out, 0, count * config.hiddenSize());
  }

  private void reserve(int count) {
    if (count <= room) {
      return;
    }
    room = count;
    int h = Math.max(config.hiddenSize(), config.embeddingSize());
    hidden = new float[count * h];
    normed = new float[count * h];
    delta = new float[count * h];
    q = new float[count * config.qSize()];
    mixed = new float[count * config.qSize()];
    k = new float[count * config.kvSize()];
    v = new float[count * config.kvSize()];
    feedForward.reserve(count);
    linears.reserve(count * net.widest());
  }

  private void embed(int[] tokens, int offset, int count) {
    int h = config.hiddenSize();
    int e = config.embeddingSize();
    float[] target = net.projectIn() == null ? hidden : delta;
    for (int t = 0; t < count; t++) {
      int id = tokens[offset + t];
      if (id < 0 || id >= config.vocabSize()) {
        throw new NibbleException(
            "token " + id + " is outside the vocabulary of " + config.vocabSize() + " tokens");
      }
      products.row(net.embedding(), id, target, t * e);
    }
    if (config.encoder().present()) {
      embedEncoder(target, count);
      return;
    }
    if (config.scalars().embedding() != 1) {
      VectorMath.scale(target, 0, count * e, (float) config.scalars().embedding());
    }
    if (net.projectIn() != null) {
      linears.alone(net.projectIn(), delta, 0, count, hidden);
    }
    if (net.positions() != null) {
      for (int t = 0; t < count; t++) {
        int row = position + t + config.positionOffset();
        products.row(net.positions(), row, normed, 0);
        VectorMath.plus(hidden, t * h, normed, 0, h);
      }
    }
    if (net.embeddingNorm() != null) {
      norm(net.embeddingNorm(), hidden, 0, hidden, 0, count, h);
    }
  }

  /** Positions and type are added and normed before the projection. */
  private void embedEncoder(float[] x, int count) {
    int e = config.embeddingSize();
    for (int t = 0; t < count; t++) {
      products.row(net.positions(), position + t + config.positionOffset(), normed, 0);
      VectorMath.plus(x, t * e, normed, 0, e);
      VectorMath.plus(x, t * e, net.type(), 0, e);
    }
    norm(net.embeddingNorm(), x, 0, x, 0, count, e);
    if (net.projectIn() != null) {
      linears.alone(net.projectIn(), x, 0, count, hidden);
    }
  }

  private void block(Layer layer, int index, int count) {
    int h = config.hiddenSize();
    int n = count * h;
    switch (config.residual()) {
      case SEQUENTIAL -> {
        norm(layer.inputNorm(), hidden, 0, normed, 0, count, h);
        attend(layer, index, normed, count, delta);
        VectorMath.plus(hidden, 0, delta, 0, n);
        norm(layer.postNorm(), hidden, 0, normed, 0, count, h);
        feedForward.run(layer.feedForward(), normed, count, delta);
        VectorMath.plus(hidden, 0, delta, 0, n);
      }
      case POST_NORM -> {
        attend(layer, index, hidden, count, delta);
        VectorMath.plus(hidden, 0, delta, 0, n);
        norm(layer.inputNorm(), hidden, 0, hidden, 0, count, h);
        feedForward.run(layer.feedForward(), hidden, count, delta);
        VectorMath.plus(hidden, 0, delta, 0, n);
        norm(layer.postNorm(), hidden, 0, hidden, 0, count, h);
      }
      case SANDWICH -> {
        norm(layer.inputNorm(), hidden, 0, normed, 0, count, h);
        attend(layer, index, normed, count, delta);
        norm(layer.attentionOutNorm(), delta, 0, delta, 0, count, h);
        VectorMath.plus(hidden, 0, delta, 0, n);
        norm(layer.postNorm(), hidden, 0, normed, 0, count, h);
        feedForward.run(layer.feedForward(), normed, count, delta);
        norm(layer.mlpOutNorm(), delta, 0, delta, 0, count, h);
        VectorMath.plus(hidden, 0, delta, 0, n);
      }
      case PARALLEL, PARALLEL_SHARED_NORM -> {
        norm(layer.inputNorm(), hidden, 0, normed, 0, count, h);
        attend(layer, index, normed, count, delta);
        if (layer.postNorm() != null) {
          norm(layer.postNorm(), hidden, 0, normed, 0, count, h);
        }
        VectorMath.plus(hidden, 0, delta, 0, n);
        feedForward.run(layer.feedForward(), normed, count, delta);
        VectorMath.plus(hidden, 0, delta, 0, n);
      }
    }
  }

  private void attend(Layer layer, int index, float[] x, int count, float[] out) {
    linears.start();
    linears.shared(layer.q(), x, count, q);
    linears.shared(layer.k(), x, count, k);
    linears.shared(layer.v(), x, count, v);
    headTask.layer = layer;
    headTask.index = index;
    team.run(count, headTask);
    attention.run(cache, index, position, count, q, mixed, team);
    linears.alone(layer.o(), mixed, 0, count, out);
  }

  private void norm(Norm norm, float[] x, int at, float[] out, int outAt, int count, int width) {
    norms.apply(norm, x, at, out, outAt, count, width);
  }

  /** Norms, rotates and transforms the heads of one new position and stores keys and values. */
  private final class HeadTask implements Team.Task {
    private Layer layer;
    private int index;

    @Override
    public void run(int t, int worker) {
      int d = config.headDim();
      int p = position + t;
      heads(layer.qNorm(), q, t * config.qSize(), config.heads(), p);
      heads(layer.kNorm(), k, t * config.kvSize(), config.kvHeads(), p);
      for (int h = 0; h < config.kvHeads(); h++) {
        int at = t * config.kvSize() + h * d;
        cache.store(index * config.kvHeads() + h, p, k, at, v, at);
      }
    }

    private void heads(Norm norm, float[] x, int offset, int heads, int p) {
      int d = config.headDim();
      for (int h = 0; h < heads; h++) {
        int at = offset + h * d;
        if (norm != null) {
          norm.apply(x, at, x, at, d);
        }
        if (rotary != null) {
          rotary.get(index).rotate(x, at, p);
        }
      }
      SiteInputs.apply(layer.attentionOps(), x, offset, heads, d);
    }
  }

  /** Empties the cache. */
  public void reset() {
    truncate(0);
  }
}
