package dev.nibble.compress.tune;

import dev.nibble.core.rounding.AffineGrid;
import dev.nibble.core.rounding.GridFlavour;
import dev.nibble.core.rounding.GroupGrid;
import dev.nibble.core.rounding.RoundingOptions;
import dev.nibble.core.spec.Granularity;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.spec.ScaleFormat;
import dev.nibble.core.tensor.AffinePacker;
import dev.nibble.core.tensor.AffineTensor;
import dev.nibble.models.FakeQuant;
import dev.nibble.models.Torch;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/**
 * Learned weight clipping (OmniQuant, Shao et al. 2024, equation 2) of one weight: how much of the
 * range of each row or group its grid spans. With trained γ and β of a group,
 *
 * <pre>
 *   hi = σ(γ) max(W, 0),  lo = σ(β) min(W, 0),  s = (hi - lo) / (2^b - 1),  z = round(-lo / s)
 *   Ŵ  = s (clamp(round(W / s) + z, 0, 2^b - 1) - z)
 * </pre>
 *
 * <p>Symmetric grids have {@code s} from the larger of {@code hi} and {@code -lo}. Rounding passes
 * gradients straight through; they flow through s, z and the clamp, and to W. The grid that is
 * trained with is the stored one, to the bit: scale in its stored format, whole zero-point.
 *
 * <p>The paper lets the whole gradient of {@code W / s} through rounding. Without it, what remains
 * of the gradient of s is {@code code - z}, the exact one while codes stay; a share of it between
 * both ends trains much better (docs/methods/omniquant.md has figures). The gradient to W is whole
 * always.
 *
 * <p>Deviation from the paper: zero is always inside the range, because a stored zero-point is a
 * code.
 */
public final class LearnedClip implements AutoCloseable {
  /** Where γ and β start in the paper: practically the whole range. */
  public static final double START = 4;

  private final int rows;
  private final int columns;
  private final Layout layout;
  private final double scaleGradient;
  private final Tensor upper;
  private final Tensor lower;

  /**
   * Grids of a weight.
   *
   * @param groupColumns columns of a group; the last group may have fewer
   * @param bits of each group of columns, 1 to 8 (symmetric 2 to 8); all rows alike
   * @param flavour how a grid is laid over a range; not AWQ's
   * @param scaleFormat storage of the scales
   */
  public record Layout(
      int groupColumns, List<Integer> bits, GridFlavour flavour, ScaleFormat scaleFormat) {
    /** Copies the list. */
    public Layout {
      bits = List.copyOf(bits);
      if (flavour == GridFlavour.AWQ) {
        throw new IllegalArgumentException("a learned range includes zero");
      }
    }

    /** The same bits for all groups of an integer spec by channel or group. */
    public static Layout of(QuantSpec spec, GridFlavour flavour, int columns) {
      if (!spec.affine() || spec.granularity() == Granularity.TENSOR) {
        throw new IllegalArgumentException("no ranges are learned for " + spec.text());
      }
      Integer[] bits = new Integer[spec.groups(columns)];
      Arrays.fill(bits, spec.bits());
      return new Layout(spec.groupColumns(columns), List.of(bits), flavour, spec.scaleFormat());
    }

    /** Groups of a row. */
    int groups() {
      return bits.size();
    }
  }

  /**
   * Starts every group at {@code σ(γ) = σ(β) = share}.
   *
   * @param rows of the weight
   * @param columns of the weight
   * @param share {@code [rows, groups]}, in (0, 1]; or null for {@link #START}
   * @param scaleGradient how much of the gradient of {@code W / s} with respect to s passes through
   *     rounding, 0 to 1
   */
  public LearnedClip(int rows, int columns, Layout layout, float[] share, double scaleGradient) {
    this.rows = rows;
    this.columns = columns;
    this.layout = layout;
    this.scaleGradient = scaleGradient;
    float[] start = new float[Math.multiplyExact(rows, layout.groups())];
    for (int i = 0; i < start.length; i++) {
      start[i] =
          share == null
              ? (float) START
              : (float) Math.min(START, Math.log(share[i] / (1 - share[i])));
    }
    this.upper = Leaves.of(start, rows, layout.groups());
    this.lower = Leaves.of(start, rows, layout.groups());
  }

  /**
   * Shares of the ranges of a weight that a clip search finds, to start from.
   *
   * @param w {@code [rows, columns]}, finite
   * @param options with a search; without one all shares are 1
   */
  public static float[] searched(float[] w, int columns, Layout layout, RoundingOptions options) {
    int rows = w.length / columns;
    RoundingOptions whole =
        new RoundingOptions(layout.flavour(), RoundingOptions.DEFAULT.clip(), 2);
    float[] out = new float[rows * layout.groups()];
    for (int i = 0; i < out.length; i++) {
      int from = i / layout.groups() * columns + i % layout.groups() * layout.groupColumns();
      int to = Math.min(from + layout.groupColumns(), (i / layout.groups() + 1) * columns);
      int bits = layout.bits().get(i % layout.groups());
      AffineGrid best =
          GroupGrid.fit(w, from, to, bits, layout.flavour(), layout.scaleFormat(), options);
      AffineGrid all =
          GroupGrid.fit(w, from, to, bits, layout.flavour(), layout.scaleFormat(), whole);
      out[i] = Math.min(1f, best.scale() / all.scale());
    }
    return out;
  }

  /** What is trained: γ and β, {@code [rows, groups]} each. */
  List<Trainable> trainables(String name, double learningRate) {
    return List.of(
        new Trainable(name + ".upper", upper, learningRate),
        new Trainable(name + ".lower", lower, learningRate));
  }

  /**
   * The weight as it will be stored, {@code [rows, columns]}, differentiable in γ, β and {@code w}.
   * Not finite where a range is not.
   */
  public Tensor quantize(Tensor w) {
    return Torch.scope(
        () -> {
          Tensor x = grouped(w);
          Tensor[] range = range(x);
          Tensor[] stored = tensors(fit(range));
          Tensor scale = FakeQuant.straightThrough(softScale(range), stored[0]);
          Tensor zero =
              layout.flavour().symmetric()
                  ? stored[1]
                  : FakeQuant.straightThrough(range[0].neg().div(scale), stored[1]);
          Tensor divisor = scale.unsqueeze(-1);
          Tensor offset = zero.unsqueeze(-1);
          Tensor codes = rounded(x, divisor).add(offset);
          // not minimum and maximum, which halve the gradient of a code at the limit
          Tensor inside =
              codes
                  .clamp(new TensorOptional(limit(false)), new TensorOptional(limit(true)))
                  .sub(offset);
          Tensor flat = inside.mul(divisor).reshape(rows, -1);
          return flat.size(1) == columns ? flat : flat.narrow(1, 0, columns);
        });
  }

  /** {@code round(x / scale)}, with the gradient of x and {@link #scaleGradient} of the scale's. */
  private Tensor rounded(Tensor x, Tensor scale) {
    Tensor soft = x.div(scale.detach());
    if (scaleGradient > 0) {
      soft = soft.add(x.detach().div(scale).mul(new Scalar(scaleGradient)));
    }
    return FakeQuant.straightThrough(soft, x.detach().div(scale.detach()).round());
  }

  /** {@code [rows, groups, width]}; a short last group repeats its last column. */
  private Tensor grouped(Tensor w) {
    int width = layout.groupColumns();
    int padded = layout.groups() * width;
    Tensor all = w;
    if (padded != columns) {
      long[] index = new long[padded];
      Arrays.setAll(index, i -> Math.min(i, columns - 1));
      all = w.index_select(1, Torch.fromLongs(index, padded));
    }
    return all.reshape(rows, layout.groups(), width);
  }

  /** {@code lo} and {@code hi}, {@code [rows, groups]}. */
  private Tensor[] range(Tensor grouped) {
    long[] last = {-1};
    Scalar none = new Scalar(0f);
    Tensor high = grouped.amax(last, false).clamp_min(none);
    Tensor low = grouped.amin(last, false).clamp_max(none);
    return new Tensor[] {torch.sigmoid(lower).mul(low), torch.sigmoid(upper).mul(high)};
  }

  /** The scale before it is rounded to its stored format, {@code [rows, groups]}. */
  private Tensor softScale(Tensor[] range) {
    float[] steps = new float[layout.groups()];
    for (int g = 0; g < steps.length; g++) {
      int bits = layout.bits().get(g);
      steps[g] =
          switch (layout.flavour()) {
            case GPTQ, AWQ -> (1 << bits) - 1;
            case SYM_FULL -> ((1 << bits) - 1) / 2f;
            case SYM_NARROW, SYM_WIDE -> (1 << (bits - 1)) - 1;
          };
    }
    Tensor reach =
        layout.flavour().symmetric()
            ? torch.maximum(range[0].neg(), range[1])
            : range[1].sub(range[0]);
    return reach.div(Torch.fromFloats(steps, steps.length));
  }

  /** Grids as they are stored; null where a range is not finite. */
  private AffineGrid[] fit(Tensor[] range) {
    float[] low = Torch.toFloats(range[0]);
    float[] high = Torch.toFloats(range[1]);
    AffineGrid[] out = new AffineGrid[low.length];
    for (int i = 0; i < out.length; i++) {
      if (Float.isFinite(low[i]) && Float.isFinite(high[i])) {
        int bits = layout.bits().get(i % layout.groups());
        out[i] = AffineGrid.fit(low[i], high[i], bits, layout.flavour(), layout.scaleFormat());
      }
    }
    return out;
  }

  private Tensor[] tensors(AffineGrid[] grids) {
    float[] scales = new float[grids.length];
    float[] zeros = new float[grids.length];
    for (int i = 0; i < grids.length; i++) {
      scales[i] = grids[i] == null ? Float.NaN : grids[i].scale();
      zeros[i] = grids[i] == null ? 0 : grids[i].zero();
    }
    return new Tensor[] {
      Torch.fromFloats(scales, rows, layout.groups()),
      Torch.fromFloats(zeros, rows, layout.groups())
    };
  }

  /** Largest or smallest code by group, {@code [groups, 1]}. */
  private Tensor limit(boolean largest) {
    float[] codes = new float[layout.groups()];
    for (int g = 0; g < codes.length; g++) {
      AffineGrid any =
          AffineGrid.fit(-1, 1, layout.bits().get(g), layout.flavour(), layout.scaleFormat());
      codes[g] = largest ? any.highCode() : any.lowCode();
    }
    return Torch.fromFloats(codes, codes.length, 1);
  }

  /**
   * The stored grids, {@code [rows, groups]}.
   *
   * @param w {@code [rows, columns]}, finite
   */
  public AffineGrid[] grids(Tensor w) {
    AffineGrid[][] out = new AffineGrid[1][];
    Torch.noGrad(
        () -> {
          out[0] = fit(range(grouped(w)));
          return null;
        });
    return out[0];
  }

  /**
   * Rounds to the stored grids; the values are exactly those of {@link #quantize}.
   *
   * @param w {@code [rows, columns]}, finite
   * @param spec what {@link Layout#of} was made from
   */
  public AffineTensor pack(Tensor w, QuantSpec spec) {
    AffineGrid[] grids = grids(w);
    float[] values = Torch.toFloats(w);
    float[] scales = new float[grids.length];
    int[] zeros = new int[grids.length];
    byte[] codes = new byte[values.length];
    for (int i = 0; i < grids.length; i++) {
      scales[i] = grids[i].scale();
      zeros[i] = grids[i].zero();
    }
    for (int i = 0; i < codes.length; i++) {
      int group = i / columns * layout.groups() + i % columns / layout.groupColumns();
      codes[i] = (byte) grids[group].code(values[i]);
    }
    return AffinePacker.pack(
        new long[] {rows, columns}, spec, codes, scales, spec.symmetric() ? null : zeros, null);
  }

  @Override
  public void close() {
    upper.close();
    lower.close();
  }
}
