package dev.nibble.models;

import dev.nibble.core.model.Alibi;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.Rope;
import dev.nibble.core.model.RopeConfig;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * Attention of one configuration, causal or (in encoders) both ways: rotary positions, linear
 * biases, sliding window, shared key/value heads, capped scores. Holds no native memory; one
 * instance serves all blocks that attend alike and all threads of a model.
 */
final class Attention {
  /** Elements of a materialised bias; larger ones are made for a few heads at a time. */
  private static final long MASK_ELEMENTS = 1L << 24;

  private final ModelConfig config;
  private final RopeConfig rope;
  private final int window;
  private volatile Rotation rotation = new Rotation(0, new float[0], new float[0]);

  /** Attention of one layer. */
  Attention(ModelConfig config, int layer) {
    this.config = config;
    this.rope = config.rope(layer);
    this.window = config.window(layer);
  }

  /** Attention of every layer; those that attend alike share an instance. */
  static List<Attention> of(ModelConfig config) {
    List<Attention> out = new ArrayList<>();
    Map<Boolean, Attention> kinds = new HashMap<>();
    for (int layer = 0; layer < config.layers(); layer++) {
      int index = layer;
      out.add(kinds.computeIfAbsent(config.isLocal(layer), k -> new Attention(config, index)));
    }
    return out;
  }

  /** Cosines and sines {@code [length, dim/2]} of one sequence length. */
  private record Rotation(int length, float[] cos, float[] sin) {}

  /** Rotary embedding of {@code [batch, heads, seq, headDim]}; the input itself without RoPE. */
  Tensor rotate(Tensor x) {
    if (config.positions() != ModelConfig.Positions.ROPE) {
      return x;
    }
    int length = Math.toIntExact(x.size(2));
    int dim = rope.dim();
    int half = dim / 2;
    Rotation r = rotation(length);
    Tensor cos = Torch.fromFloats(r.cos(), length, half);
    Tensor sin = Torch.fromFloats(r.sin(), length, half);
    Tensor low = x.narrow(-1, 0, half);
    Tensor high = x.narrow(-1, half, half);
    Tensor turnedLow = low.mul(cos).sub(high.mul(sin));
    Tensor turnedHigh = high.mul(cos).add(low.mul(sin));
    return dim == config.headDim()
        ? torch.cat(new TensorVector(turnedLow, turnedHigh), -1)
        : torch.cat(
            new TensorVector(turnedLow, turnedHigh, x.narrow(-1, dim, config.headDim() - dim)), -1);
  }

  private Rotation rotation(int length) {
    Rotation known = rotation;
    if (known.length() == length) {
      return known;
    }
    double[] frequency = Rope.inverseFrequencies(rope, config.maxPositions(), length);
    double factor = Rope.attentionFactor(rope, config.maxPositions());
    float[] cos = new float[length * frequency.length];
    float[] sin = new float[cos.length];
    for (int p = 0, at = 0; p < length; p++) {
      for (double f : frequency) {
        cos[at] = (float) (factor * StrictMath.cos(p * f));
        sin[at++] = (float) (factor * StrictMath.sin(p * f));
      }
    }
    Rotation made = new Rotation(length, cos, sin);
    rotation = made;
    return made;
  }

  /**
   * Softmax attention.
   *
   * @param q {@code [batch, heads, seq, headDim]}
   * @param k {@code [batch, kvHeads, seq, headDim]}
   * @param v as k
   * @param context says what is padding
   * @return as q
   */
  Tensor mix(Tensor q, Tensor k, Tensor v, BlockContext context) {
    Tensor keys = repeat(k);
    Tensor values = repeat(v);
    long length = q.size(2);
    if (config.encoder().present()) {
      List<Integer> lengths = context.lengths();
      TensorOptional mask =
          lengths.isEmpty() ? new TensorOptional() : new TensorOptional(padding(lengths, length));
      return scaledDotProduct(q, keys, values, mask, false);
    }
    if (config.scalars().attentionCap() > 0) {
      return capped(q, keys, values);
    }
    boolean windowed = window > 0 && length > window;
    if (config.positions() != ModelConfig.Positions.ALIBI) {
      TensorOptional mask = windowed ? new TensorOptional(causal(length)) : new TensorOptional();
      return scaledDotProduct(q, keys, values, mask, !windowed);
    }
    double[] slopes = Alibi.slopes(config);
    Tensor causal = causal(length);
    int step = (int) Math.clamp(MASK_ELEMENTS / (length * length), 1L, (long) config.heads());
    TensorVector parts = new TensorVector();
    for (int h = 0; h < config.heads(); h += step) {
      int count = Math.min(step, config.heads() - h);
      Tensor mask = causal.add(biases(slopes, h, count, length));
      parts.push_back(
          scaledDotProduct(
              q.narrow(1, h, count),
              keys.narrow(1, h, count),
              values.narrow(1, h, count),
              new TensorOptional(mask.unsqueeze(0)),
              false));
    }
    return torch.cat(parts, 1);
  }

  /** Softmax of {@code c·tanh(s/c)}, a few heads at a time. */
  private Tensor capped(Tensor q, Tensor keys, Tensor values) {
    long length = q.size(2);
    Tensor mask = causal(length);
    Scalar cap = new Scalar(config.scalars().attentionCap());
    Scalar scale = new Scalar(config.attentionScale());
    long perHead = q.size(0) * length * length;
    int step = (int) Math.clamp(MASK_ELEMENTS / perHead, 1L, (long) config.heads());
    TensorVector parts = new TensorVector();
    for (int h = 0; h < config.heads(); h += step) {
      int count = Math.min(step, config.heads() - h);
      Tensor k = keys.narrow(1, h, count).transpose(2, 3);
      Tensor scores = torch.matmul(q.narrow(1, h, count), k).mul(scale);
      Tensor weights = scores.div(cap).tanh().mul(cap).add(mask).softmax(-1);
      parts.push_back(torch.matmul(weights, values.narrow(1, h, count)));
    }
    return torch.cat(parts, 1);
  }

  private Tensor scaledDotProduct(
      Tensor q, Tensor k, Tensor v, TensorOptional mask, boolean causal) {
    return torch.scaled_dot_product_attention(
        q, k, v, mask, 0.0, causal, new DoubleOptional(config.attentionScale()), false);
  }

  /** Each key/value head once for every query head that reads it. */
  private Tensor repeat(Tensor x) {
    int repeat = config.heads() / config.kvHeads();
    if (repeat == 1) {
      return x;
    }
    long[] wide = {x.size(0), config.kvHeads(), repeat, x.size(2), config.headDim()};
    return x.unsqueeze(2).expand(wide).reshape(wide[0], config.heads(), wide[3], wide[4]);
  }

  /** {@code [batch, 1, 1, seq]}: 0 at tokens, minus infinity at padding. */
  private static Tensor padding(List<Integer> lengths, long length) {
    float[] mask = new float[Math.toIntExact(lengths.size() * length)];
    for (int b = 0, at = 0; b < lengths.size(); b++) {
      for (int p = 0; p < length; p++) {
        mask[at++] = p < lengths.get(b) ? 0f : Float.NEGATIVE_INFINITY;
      }
    }
    return Torch.fromFloats(mask, lengths.size(), 1, 1, length);
  }

  /** {@code [seq, seq]}: 0 where a query may look, minus infinity elsewhere. */
  private Tensor causal(long length) {
    Tensor never = torch.full(new long[] {length, length}, new Scalar(Float.NEGATIVE_INFINITY));
    Tensor mask = never.triu(1);
    return window > 0 && length > window ? mask.add(never.tril(-window)) : mask;
  }

  /** {@code [count, 1, seq]}: slope times key position. */
  private static Tensor biases(double[] slopes, int from, int count, long length) {
    float[] out = new float[Math.toIntExact(count * length)];
    for (int h = 0, at = 0; h < count; h++) {
      for (int p = 0; p < length; p++) {
        out[at++] = (float) (slopes[from + h] * p);
      }
    }
    return Torch.fromFloats(out, count, 1, length);
  }
}
