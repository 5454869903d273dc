package dev.nibble.runtime.decoder;

import dev.nibble.core.model.Mlp;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.runtime.kernel.FloatKernels;
import dev.nibble.runtime.kernel.Team;
import dev.nibble.runtime.kernel.VectorMath;
import java.util.Arrays;

/**
 * Runs MLPs and experts on rows of the residual stream. Of a layer with experts only those are
 * computed that some row goes to. Owns working memory; allocates nothing once it has its size.
 */
final class FeedForwardRun {
  private final ModelConfig config;
  private final FloatKernels floats;
  private final Team team;
  private final Linears linears;
  private final int inner;
  private final Router router;
  private final ActivationTask activation = new ActivationTask();
  private final GatherTask gather = new GatherTask();
  private final AddTask add = new AddTask();
  private float[] gate = {};
  private float[] up = {};
  private float[] part = {};
  private float[] partOut = {};
  private float[] sharedLogits = {};
  private int[] partOwners = {};

  FeedForwardRun(ModelConfig config, FloatKernels floats, Team team, Linears linears) {
    this.floats = floats;
    this.config = config;
    this.team = team;
    this.linears = linears;
    this.inner = widest(config);
    this.router = config.moe().present() ? new Router(config.moe()) : null;
  }

  /** Widest inner vector of any MLP. */
  static int widest(ModelConfig config) {
    int widest = 0;
    for (int layer = 0; layer < config.layers(); layer++) {
      for (Mlp mlp : Mlp.of(config, layer)) {
        widest = Math.max(widest, mlp.size());
      }
    }
    return widest;
  }

  /** Room for that many rows. */
  void reserve(int count) {
    up = new float[count * inner];
    gate = config.gated() ? new float[count * inner] : up;
    if (router != null) {
      router.reserve(count);
      part = new float[count * config.hiddenSize()];
      partOut = new float[count * config.hiddenSize()];
      sharedLogits = new float[count];
      partOwners = new int[count];
    }
  }

  /**
   * Runs what stands behind the norm.
   *
   * @param x {@code [count, hidden]}
   * @param owners for each row the number of the run it belongs to
   * @param out as x; another array
   */
  void run(FeedForward layer, float[] x, int count, int[] owners, float[] out) {
    switch (layer) {
      case FeedForward.Plain plain -> mlp(plain, x, count, out);
      case FeedForward.Experts experts -> experts(experts, x, count, owners, out);
    }
  }

  private void experts(FeedForward.Experts layer, float[] x, int count, int[] owners, float[] out) {
    int h = config.hiddenSize();
    linears.alone(layer.router(), x, 0, count, router.logits());
    router.choose(count);
    if (layer.shared() == null) {
      Arrays.fill(out, 0, count * h, 0f);
    } else {
      mlp(layer.shared(), x, count, out);
      weigh(layer, x, count, out);
    }
    for (int e = 0; e < layer.routed().size(); e++) {
      int rows = router.count(e);
      if (rows > 0) {
        gather.set(e, x);
        team.run(rows, gather);
        for (int i = 0; i < rows; i++) {
          partOwners[i] = owners[router.token(e, i)];
        }
        linears.owners(partOwners);
        mlp(layer.routed().get(e), part, rows, partOut);
        add.set(e, out);
        team.run(rows, add);
      }
    }
    linears.owners(owners);
  }

  /** The shared expert's output times the sigmoid of its gate. */
  private void weigh(FeedForward.Experts layer, float[] x, int count, float[] out) {
    if (layer.sharedGate() == null) {
      return;
    }
    int h = config.hiddenSize();
    linears.alone(layer.sharedGate(), x, 0, count, sharedLogits);
    for (int t = 0; t < count; t++) {
      float weight = (float) (1 / (1 + Math.exp(-sharedLogits[t])));
      for (int i = t * h; i < (t + 1) * h; i++) {
        out[i] *= weight;
      }
    }
  }

  private void mlp(FeedForward.Plain mlp, float[] x, int count, float[] out) {
    linears.start();
    linears.shared(mlp.up(), x, count, up);
    if (mlp.gate() != null) {
      linears.shared(mlp.gate(), x, count, gate);
    }
    activation.width = mlp.size();
    team.run(count, activation);
    linears.alone(mlp.down(), gate, 0, count, out);
  }

  /** Applies an activation to {@code x[at .. at + n)}. */
  static void activate(ModelConfig.Activation kind, float[] x, int at, int n) {
    switch (kind) {
      case SILU -> VectorMath.silu(x, at, n);
      case GELU -> VectorMath.gelu(x, at, n);
      case GELU_TANH -> VectorMath.geluTanh(x, at, n);
      case RELU -> VectorMath.relu(x, at, n);
      case TANH -> VectorMath.tanh(x, at, n);
    }
  }

  /** Applies the activation to one row, times the up projection when the MLP is gated. */
  private final class ActivationTask implements Team.Task {
    private int width;

    @Override
    public void run(int t, int worker) {
      int n = width;
      int at = t * n;
      if (config.gated() && config.activation() == ModelConfig.Activation.SILU) {
        floats.swiglu(gate, up, at, n);
        return;
      }
      activate(config.activation(), gate, at, n);
      if (config.gated()) {
        VectorMath.times(gate, at, up, at, n);
      }
    }
  }

  /** Copies the rows of an expert's tokens together. */
  private final class GatherTask implements Team.Task {
    private int expert;
    private float[] x;

    void set(int expert, float[] x) {
      this.expert = expert;
      this.x = x;
    }

    @Override
    public void run(int row, int worker) {
      int h = config.hiddenSize();
      System.arraycopy(x, router.token(expert, row) * h, part, row * h, h);
    }
  }

  /** Adds an expert's weighted output to its tokens. */
  private final class AddTask implements Team.Task {
    private int expert;
    private float[] out;

    void set(int expert, float[] out) {
      this.expert = expert;
      this.out = out;
    }

    @Override
    public void run(int row, int worker) {
      int h = config.hiddenSize();
      int to = router.token(expert, row) * h;
      float weight = router.weight(expert, row);
      for (int i = 0; i < h; i++) {
        out[to + i] += weight * partOut[row * h + i];
      }
    }
  }
}
