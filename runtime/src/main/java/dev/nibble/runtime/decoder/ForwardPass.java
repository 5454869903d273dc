package dev.nibble.runtime.decoder;

import dev.nibble.core.model.ModelConfig;
import dev.nibble.runtime.kernel.Products;
import dev.nibble.runtime.kernel.Team;
import dev.nibble.runtime.kernel.VectorMath;
import java.util.List;

/**
 * The forward pass of a model with its working memory: one pass over the weights for all rows,
 * whichever sequences they belong to. Norms, linears and feed-forward see rows; attention sees each
 * run beside its own cache. One caller at a time, holding {@link #turn}. Allocates nothing once it
 * has its size.
 *
 * <p>A row's result does not depend on what else is in the pass, but in the last bits: kernels for
 * up to {@link Products#FEW} inputs add up in another order than those for more. Among passes of so
 * few rows the bits are the same, and among those of more, unless experts of the model get few rows
 * each; products of inputs rounded to 8 bits are the same for any number.
 */
public final class ForwardPass {
  private final Network net;
  private final ModelConfig config;
  private final Products products;
  private final Team team;
  private final Linears linears;
  private final Attention attention;
  private final HeadTask headTask = new HeadTask();
  private final FeedForwardRun feedForward;
  private final NormRows norms;
  private final Rows rows = new Rows();

  /** Tables that all sequences share; null where each has its own, or without rotary positions. */
  private final List<RotaryTable> sharedRotary;

  private int room;
  private int[] alone = {};
  private float[] hidden = {};
  private float[] normed = {};
  private float[] q = {};
  private float[] k = {};
  private float[] v = {};
  private float[] mixed = {};
  private float[] delta = {};

  /**
   * A pass over one model.
   *
   * @param products threads and kernel working memory; used by one pass at a time
   */
  public ForwardPass(Network net, Products products) {
    this.net = net;
    this.config = net.config();
    this.products = products;
    this.team = products.team();
    this.linears = new Linears(products);
    this.feedForward = new FeedForwardRun(config, products.floats(), team, linears);
    this.norms = new NormRows(team);
    this.attention = new Attention(config, products.floats(), team.threads());
    this.sharedRotary =
        rotary() && !RotaryTable.dependOnLength(config) ? RotaryTable.of(config) : null;
  }

  private boolean rotary() {
    return config.positions() == ModelConfig.Positions.ROPE;
  }

  /** The model. */
  public Network network() {
    return net;
  }

  /** What callers synchronize on: passes that share threads and working memory take turns. */
  public Object turn() {
    return products;
  }

  /**
   * An empty sequence.
   *
   * @param kinds element types of its cache
   * @param limit most positions
   */
  public Sequence newSequence(KvKinds kinds, int limit) {
    List<RotaryTable> tables = null;
    if (rotary()) {
      tables = sharedRotary == null ? RotaryTable.of(config) : sharedRotary;
    }
    return new Sequence(KvCache.create(kinds, config, limit), tables, limit, config.vocabSize());
  }

  /** Begins a pass: the rows to fill, empty. */
  public Rows begin() {
    rows.clear();
    return rows;
  }

  /**
   * Runs the rows through the blocks and appends each run to its sequence. Runs whose cancellation
   * is asked for are dropped on the way. When this throws, nothing is appended to any sequence.
   */
  public void run() {
    reserve(rows.count());
    rows.reserve();
    linears.owners(rows.owners());
    embed(rows.count());
    for (int i = 0; i < net.layers().size(); i++) {
      rows.dropCancelled(hidden, config.hiddenSize());
      if (rows.count() == 0) {
        return;
      }
      block(net.layers().get(i), i, rows.count());
    }
    rows.commit();
  }

  /**
   * Logits of the last row of every run that wants them and was not dropped, in the order of the
   * runs.
   *
   * @param logits {@code [such runs, vocab]} from index 0
   */
  public void heads(float[] logits) {
    int h = config.hiddenSize();
    int count = 0;
    for (int i = 0; i < rows.runs(); i++) {
      Rows.Run run = rows.run(i);
      if (run.wanted()) {
        System.arraycopy(hidden, (run.first() + run.count() - 1) * h, normed, count * h, h);
        alone[count] = count;
        count++;
      }
    }
    if (count > 0) {
      linears.owners(alone);
      head(normed, 0, count, logits);
    }
  }

  /**
   * Logits of rows of the last {@link #run}, which had one run.
   *
   * @param from first row
   * @param count rows
   * @param logits {@code [count, vocab]} from index 0
   */
  public void head(int from, int count, float[] logits) {
    head(hidden, from * config.hiddenSize(), count, logits);
  }

  private void head(float[] from, int start, int count, float[] logits) {
    int h = config.hiddenSize();
    float[] x = from;
    int at = start;
    if (net.headTransform() != null) {
      encoderHead(from, start, count, logits);
      return;
    }
    if (net.finalNorm() != null) {
      norm(net.finalNorm(), x, at, normed, 0, count, h);
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
  private void encoderHead(float[] x, int at, int count, float[] out) {
    Network.Transform transform = net.headTransform();
    int width = transform.dense().outputs();
    linears.alone(transform.dense(), x, at, count, delta);
    FeedForwardRun.activate(config.encoder().headActivation(), delta, 0, count * width);
    if (transform.norm() != null) {
      norm(transform.norm(), delta, 0, delta, 0, count, width);
    }
    linears.alone(net.head(), delta, 0, count, out);
  }

  /** Width of the vectors that {@link #hidden} gives. */
  public int hiddenWidth() {
    return net.projectOut() == null ? config.hiddenSize() : net.projectOut().outputs();
  }

  /**
   * Vectors of the last {@link #run}, which had one run: after the blocks, and in a decoder after
   * the final norm and what projects to the head's width.
   *
   * @param count rows
   * @param out {@code [count, hiddenWidth]} from {@code offset}
   */
  public void hidden(int count, float[] out, int offset) {
    float[] x = hidden;
    if (net.finalNorm() != null) {
      norm(net.finalNorm(), hidden, 0, normed, 0, count, config.hiddenSize());
      x = normed;
    }
    if (net.projectOut() != null) {
      linears.alone(net.projectOut(), x, 0, count, delta);
      x = delta;
    }
    System.arraycopy(x, 0, out, offset, count * hiddenWidth());
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
    alone = new int[count];
    feedForward.reserve(count);
    linears.reserve(count * net.widest());
  }

  private void embed(int count) {
    int h = config.hiddenSize();
    int e = config.embeddingSize();
    float[] target = net.projectIn() == null ? hidden : delta;
    for (int t = 0; t < count; t++) {
      products.row(net.embedding(), rows.token(t), target, t * e);
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
        products.row(net.positions(), position(t) + config.positionOffset(), normed, 0);
        VectorMath.plus(hidden, t * h, normed, 0, h);
      }
    }
    if (net.embeddingNorm() != null) {
      norm(net.embeddingNorm(), hidden, 0, hidden, 0, count, h);
    }
  }

  /** Place of a row in its sequence. */
  private int position(int row) {
    Rows.Run run = rows.ofRow(row);
    return run.sequence().position() + row - run.first();
  }

  /** Positions and type are added and normed before the projection. */
  private void embedEncoder(float[] x, int count) {
    int e = config.embeddingSize();
    for (int t = 0; t < count; t++) {
      products.row(net.positions(), position(t) + config.positionOffset(), normed, 0);
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
        feedForward.run(layer.feedForward(), normed, count, rows.owners(), delta);
        VectorMath.plus(hidden, 0, delta, 0, n);
      }
      case POST_NORM -> {
        attend(layer, index, hidden, count, delta);
        VectorMath.plus(hidden, 0, delta, 0, n);
        norm(layer.inputNorm(), hidden, 0, hidden, 0, count, h);
        feedForward.run(layer.feedForward(), hidden, count, rows.owners(), delta);
        VectorMath.plus(hidden, 0, delta, 0, n);
        norm(layer.postNorm(), hidden, 0, hidden, 0, count, h);
      }
      case SANDWICH -> {
        norm(layer.inputNorm(), hidden, 0, normed, 0, count, h);
        attend(layer, index, normed, count, delta);
        norm(layer.attentionOutNorm(), delta, 0, delta, 0, count, h);
        VectorMath.plus(hidden, 0, delta, 0, n);
        norm(layer.postNorm(), hidden, 0, normed, 0, count, h);
        feedForward.run(layer.feedForward(), normed, count, rows.owners(), delta);
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
        feedForward.run(layer.feedForward(), normed, count, rows.owners(), delta);
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
    attention.run(rows, index, q, mixed, team);
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
      Sequence sequence = rows.ofRow(t).sequence();
      RotaryTable rotary = sequence.rotary(index);
      int p = position(t);
      heads(layer.qNorm(), q, t * config.qSize(), config.heads(), rotary, p);
      heads(layer.kNorm(), k, t * config.kvSize(), config.kvHeads(), rotary, p);
      for (int h = 0; h < config.kvHeads(); h++) {
        int at = t * config.kvSize() + h * d;
        sequence.cache().store(index * config.kvHeads() + h, p, k, at, v, at);
      }
    }

    private void heads(Norm norm, float[] x, int offset, int heads, RotaryTable rotary, int p) {
      int d = config.headDim();
      for (int h = 0; h < heads; h++) {
        int at = offset + h * d;
        if (norm != null) {
          norm.apply(x, at, x, at, d);
        }
        if (rotary != null) {
          rotary.rotate(x, at, p);
        }
      }
      SiteInputs.apply(layer.attentionOps(), x, offset, heads, d);
    }
  }
}
